//go:build lab && linux

package scenario

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
)

// A proxy stands between the library and multipathd.
type proxy struct {
	addr string

	mu     sync.Mutex
	spoil  spoiler
	orders []string // that went on to multipathd
}

// The frame, as the daemon has it: 8 bytes of length, in this machine's order,
// then the text with its NUL.
func readProxied(r io.Reader) ([]byte, error) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	whole := append(head, make([]byte, binary.LittleEndian.Uint64(head))...)
	_, err := io.ReadFull(r, whole[8:])
	return whole, err
}

// framed is a text of the proxy's own.
func framed(text string) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text)+1)), text...), 0)
}

func startProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{addr: t.TempDir() + "/s"}
	l, err := net.Listen("unix", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go guest.Aside(func() { p.carry(c) })
		}
	}()
	return p
}

// daemonAddress is where this version of multipathd listens.
func daemonAddress() string {
	const path = "/run/multipathd.socket"
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return "@/org/kernel/linux/storage/multipathd"
}

func (p *proxy) carry(c net.Conn) {
	defer c.Close()
	d, err := net.Dial("unix", daemonAddress())
	if err != nil {
		return
	}
	defer d.Close()
	for {
		order, err := readProxied(c)
		if err != nil {
			return
		}
		p.mu.Lock()
		spoil := p.spoil
		p.mu.Unlock()
		words := strings.TrimRight(string(order[8:]), "\x00")
		reply, hangUp := spoil(words, func() []byte { return p.pass(d, words, order) })
		if _, err := c.Write(reply); err != nil || hangUp {
			return
		}
	}
}

// pass gives an order to multipathd and returns the reply.
func (p *proxy) pass(d net.Conn, words string, order []byte) []byte {
	p.mu.Lock()
	p.orders = append(p.orders, words)
	p.mu.Unlock()
	if _, err := d.Write(order); err != nil {
		return framed("fail\n")
	}
	reply, err := readProxied(d)
	if err != nil {
		return framed("fail\n")
	}
	return reply
}

func (p *proxy) does(s spoiler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoil = s
}

// heard reports whether an order that begins so went on to multipathd.
func (p *proxy) heard(words string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.orders, func(o string) bool { return strings.HasPrefix(o, words) })
}

// through is a Sweeper that speaks to multipathd through the proxy alone, or
// else to the kernel.
func (p *proxy) through(t *testing.T, alone bool) *remediate.Sweeper {
	t.Helper()
	sys, err := remediate.OpenSystem("/", "auto", 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	socket := multipath.NewSocket("/", multipath.WithAddress(p.addr))
	sys.Daemon = socket
	if !alone {
		mapper, err := multipath.OpenDeviceMapper(multipath.DefaultDMControl)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { mapper.Close() })
		sys.Daemon = multipath.NewAuto(socket, nil, multipath.NewDM(mapper, sys.FS))
	}
	return newSweeper(t, remediate.WithSystem(sys))
}

// A multipathd whose replies are cut off, late, or "timeout": each time the LU
// goes, without a gap in what is seen, where the kernel may be asked instead; and
// by the socket alone the survey misses just what it was not told.
func TestDaemonProxy(t *testing.T) {
	const luns = 8
	d := guest.ScsiDebug(t, 2, luns)
	guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue", FriendlyNames: true})
	guest.WaitMaps(t, luns, 2)
	pattern := guest.WritePattern(t, d.Map(t, 0).Dev(), 4)
	p := startProxy(t)
	for i, c := range []struct {
		name  string
		spoil spoiler
		lacks error
	}{
		{"cut off", cutOff, io.ErrUnexpectedEOF},
		{"late", late, nil},
		{"timeout, to 0.9.7", says("timeout\n"), multipath.ErrBusy},
		{"timeout, from 0.9.8", says("fail\ntimeout\n"), multipath.ErrBusy},
	} {
		t.Logf("replies: %s", c.name)
		lun := luns - 1 - i
		lost, disks := d.Map(t, lun), d.Disks(t, lun)
		d.VanishLUNs(t, lun)
		guest.WaitFailed(t, lost)
		p.does(c.spoil)
		expectLacks(t, p.through(t, true), lost, c.lacks)
		s := p.through(t, false)
		p.expectRemoved(t, s)
		expectGone(t, lost, disks...)
	}
	if !p.heard("del map") {
		t.Error("no flush has ever reached multipathd: the scenario does not show what it is for")
	}
	for lun := range luns - 4 {
		m := d.Map(t, lun)
		expectThere(t, m, 2)
		if !guest.Queueing(t, m.Name) {
			t.Errorf("%s does not queue any more", m.Name)
		}
	}
	pattern.Check(t)
	expectNotStuck(t)
}

func (p *proxy) expectRemoved(t *testing.T, s *remediate.Sweeper) {
	t.Helper()
	due, err := makePlan(t, s)
	if err != nil || len(due.Targets) != 1 {
		t.Fatalf("plan: %+v, %+v", due, err)
	}
	r, err := carryOut(bounded(t), t, s, due)
	if err != nil || r.Results[0].Outcome != remediate.Removed {
		t.Fatalf("execute: %+v, %+v", r, err)
	}
}

// expectLacks surveys and wants the lost LU found, and no gap but for what
// multipathd did not say.
func expectLacks(t *testing.T, s *remediate.Sweeper, lost guest.Map, want error) {
	t.Helper()
	sv, err := look(bounded(t), t, s)
	if err != nil {
		t.Fatalf("survey: %+v", err)
	}
	verdict(t, sv, lost.WWID, remediate.Stale)
	if want == nil && len(sv.Gaps) > 0 || want != nil && (len(sv.Gaps) != 1 || !errors.Is(sv.Gaps[0].Err, want)) {
		t.Errorf("the gaps are %v, want %v", sv.Gaps, want)
	}
}

// A spoiler makes what the library gets of an order, and whether the connection
// ends with it. daemon carries the order out and returns the reply, framed.
type spoiler func(order string, daemon func() []byte) (reply []byte, hangUp bool)

func cutOff(order string, daemon func() []byte) ([]byte, bool) {
	reply := daemon()
	if order == "show daemon" {
		return reply, false
	}
	return reply[:8+(len(reply)-8)/2], true
}

func late(_ string, daemon func() []byte) ([]byte, bool) {
	time.Sleep(700 * time.Millisecond)
	return daemon(), false
}

func says(text string) spoiler {
	return func(string, func() []byte) ([]byte, bool) { return framed(text), false }
}
