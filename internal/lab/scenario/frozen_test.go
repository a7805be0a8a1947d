//go:build lab && linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/multipath"
)

// multipathd hangs, and is given orders. What lies in its socket can be carried
// out when it wakes, on whatever has the name by then: the library leaves nothing
// there, by the programs either.
func TestDaemonFrozenLeavesNothing(t *testing.T) {
	m := newMixed(t)
	m.lose(t)
	m.daemon.Freeze(t)
	m.expectSilence(t, multipath.NewCommand(nil))
	m.expectSilence(t, multipath.NewSocket("/"))
	m.thaw(t)
	m.expectUntold(t)

	name := m.maps[lostFailing].Name
	m.daemon.Freeze(t)
	if out, err := guest.TryFor(30*time.Second, "multipathd", "del", "map", name); err == nil {
		t.Errorf("a multipathd that is frozen has answered %q", out)
	}
	m.thaw(t)
	left := guest.OpenCount(t, name) >= 0
	t.Logf("what the program multipathd had left when it gave up was carried out later: %v", !left)
	if left {
		m.leaveOrder(t, "del map "+name)
	}
	m.expectWell(t)
}

// leaveOrder sends an order while multipathd is frozen, and wants it carried out
// after that.
func (m *mixed) leaveOrder(t *testing.T, order string) {
	t.Helper()
	m.daemon.Freeze(t)
	c, err := net.Dial("unix", daemonAddress())
	if err == nil {
		defer c.Close()
		_, err = c.Write(framed(order))
	}
	if err != nil {
		t.Fatal(err)
	}
	m.thaw(t)
	guest.WaitFor(t, "the order is carried out", 20*time.Second, func() error {
		if n := guest.OpenCount(t, m.maps[lostFailing].Name); n >= 0 {
			return fmt.Errorf("the map is still there, open %d times", n)
		}
		return nil
	})
}

// expectSilence gives every order, to no avail.
func (m *mixed) expectSilence(t *testing.T, c interface {
	Backend() string
	DisableQueueing(ctx context.Context, name string) error
	RestoreQueueing(ctx context.Context, name string) error
	Flush(ctx context.Context, name string) error
	ForgetPath(ctx context.Context, dev string) error
}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for order, err := range map[string]error{
		"disable queueing": c.DisableQueueing(ctx, m.maps[queueing].Name),
		"restore queueing": c.RestoreQueueing(ctx, m.maps[lostFailing].Name),
		"flush":            c.Flush(ctx, m.maps[lostFailing].Name),
		"forget path":      c.ForgetPath(ctx, m.d.Disks(t, failing)[0]),
	} {
		if !errors.Is(err, multipath.ErrSilent) || multipath.Uncertain(err) {
			t.Errorf("%s: %s: %v, want one that is certain, for multipathd does not answer", c.Backend(), order, err)
		}
	}
}

// thaw wakes multipathd and waits until it has read what lay in its socket.
func (m *mixed) thaw(t *testing.T) {
	t.Helper()
	m.daemon.Thaw(t)
	guest.WaitFor(t, "multipathd answers again", 20*time.Second, func() error {
		_, err := guest.TryFor(5*time.Second, "multipathd", "show", "daemon")
		return err
	})
	time.Sleep(3 * time.Second)
}

// expectUntold asks whether none of the orders of expectSilence has been
// carried out.
func (m *mixed) expectUntold(t *testing.T) {
	t.Helper()
	if guest.OpenCount(t, m.maps[lostFailing].Name) < 0 {
		t.Errorf("%s has been removed", m.maps[lostFailing].Name)
	}
	known := guest.Run(t, "multipathd", "show", "paths", "raw", "format", "%d")
	for _, disk := range m.d.Disks(t, failing) {
		if !strings.Contains(known+"\n", disk+"\n") {
			t.Errorf("multipathd has forgotten %s: it knows %q", disk, known)
		}
	}
	m.expectWell(t)
}
