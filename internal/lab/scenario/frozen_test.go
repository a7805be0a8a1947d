//go:build lab && linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/multipath"
)

// multipathd hangs, and is given orders by its programs. Whatever is left in its
// socket is carried out when it wakes, on whatever has the name by then: the
// programs by themselves leave it there, the library does not start them.
func TestDaemonFrozenLeavesNothing(t *testing.T) {
	m := newMixed(t)
	m.lose(t)
	m.daemon.Freeze(t)
	m.expectSilence(t, multipath.NewCommand(nil))
	m.expectSilence(t, multipath.NewSocket("/"))
	m.thaw(t)
	m.expectUntold(t)

	// multipath -f is not shown: beside a daemon that does not answer it removes
	// the map by itself, and what it has left in the socket has no map then.
	m.daemon.Freeze(t)
	name := m.maps[lostFailing].Name
	if out, err := guest.TryFor(30*time.Second, "multipathd", "del", "map", name); err == nil {
		t.Errorf("a multipathd that is frozen has answered %q", out)
	}
	m.thaw(t)
	guest.WaitFor(t, "the order that was left is carried out", 20*time.Second, func() error {
		if n := guest.OpenCount(t, name); n >= 0 {
			return fmt.Errorf("%s is still there, open %d times", name, n)
		}
		return nil
	})
	m.expectWell(t)
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
	if guest.OpenCount(t, m.maps[lostFailing].Name) != 0 {
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
