//go:build lab && linux

package scenario

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/internal/lab/soak"
)

// portals are the array's addresses. 127.0.0.1 has a route of its own, so that
// it cannot be cut.
var portals = [soak.Portals]string{"127.0.0.2", "127.0.0.3"}

// do does an action where the guest allows it, and enters it in the book. What
// was drawn may not be possible: nobody mounts a volume whose map is not there.
func (s *soaker) do(a soak.Action) {
	if why := s.try(a); why != "" {
		s.say("(no %s: %s)", a, why)
		return
	}
	s.say("%s", a)
	s.counts[string(a.Kind)]++
	s.book.Enter(a)
}

// try does an action, and says why it cannot be done.
func (s *soaker) try(a soak.Action) string {
	l := s.book.LUN[a.LUN]
	switch a.Kind {
	case soak.Unmap:
		s.sync(a.LUN)
		s.g.Unmap(s.t, a.LUN)
	case soak.Restore:
		s.g.Map(s.t, a.LUN, s.volumes[volumeID{a.LUN, l.Last}])
	case soak.Reuse:
		if l.Use == soak.Mount {
			return "it is mounted"
		}
		if l.Mapped != soak.Nothing {
			s.g.Unmap(s.t, a.LUN)
		}
		s.g.Map(s.t, a.LUN, s.volumes[volumeID{a.LUN, 1 - l.Last}])
	case soak.Cut:
		guest.Cut(s.t, portals[a.Portal])
	case soak.Mend:
		s.mend()
	case soak.Rescan:
		s.rescan()
	case soak.DeletePath:
		return s.deletePath(a)
	case soak.Read:
		return s.read(a.LUN)
	case soak.Mount, soak.Hold, soak.Stack:
		return s.use(a)
	case soak.Umount, soak.Release, soak.Unstack:
		return s.unuse(a)
	case soak.Restart, soak.Crash:
		s.restart(a.Kind)
	case soak.Freeze:
		s.daemon.Freeze(s.t)
	case soak.Thaw:
		s.daemon.Thaw(s.t)
	}
	return ""
}

func (s *soaker) mend() {
	for i, p := range portals {
		if s.book.Down[i] {
			guest.Mend(s.t, p)
		}
	}
	if s.at%2 == 0 { // every other time the sweep begins while sessions come back
		s.g.WaitSessions(s.t, "LOGGED_IN", 40*time.Second)
	}
}

// rescan scans, and waits a while until what is new has a map.
func (s *soaker) rescan() {
	s.g.WaitSessions(s.t, "LOGGED_IN", 40*time.Second)
	s.g.Rescan(s.t)
	end := time.Now().Add(8 * time.Second)
	for ; time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if s.unmapped() == "" {
			return
		}
	}
	s.say("(no map: %s)", s.unmapped())
}

// unmapped names a disk of a living volume that is in no map yet, "" for none.
func (s *soaker) unmapped() string {
	has := map[string]bool{}
	for _, m := range guest.Maps() {
		for _, p := range m.Paths {
			has[p] = true
		}
	}
	for _, d := range s.g.AllDisks() {
		if v, ok := s.byWWID(d.WWID); ok && s.alive(v) && !has[d.Name] {
			return fmt.Sprintf("%s of LUN %d", d.Name, d.LUN)
		}
	}
	return ""
}

func (s *soaker) byWWID(wwid string) (volumeID, bool) {
	for v, b := range s.volumes {
		if b.WWID() == wwid {
			return v, true
		}
	}
	return volumeID{}, false
}

// mapOf is a volume's map at the host.
func (s *soaker) mapOf(v volumeID) (guest.Map, bool) {
	for _, m := range guest.Maps() {
		if m.WWID == s.wwid(v) {
			return m, true
		}
	}
	return guest.Map{}, false
}

func (s *soaker) deletePath(a soak.Action) string {
	sessions := s.g.Sessions()
	for _, d := range s.g.AllDisks() {
		if d.LUN == a.LUN && d.Host == sessions[a.Portal%len(sessions)].Name {
			if err := guest.DeleteDisk(d.Name); err != nil {
				return err.Error()
			}
			return ""
		}
	}
	return "there is no such disk"
}

// read has dd read the map that the LUN's last volume has.
func (s *soaker) read(lun int) string {
	m, ok := s.mapOf(volumeID{lun, s.book.LUN[lun].Last})
	if !ok {
		return "it has no map"
	}
	s.readers = append(s.readers, guest.StartReader(s.t, m.Dev()))
	return ""
}

// restart ends multipathd, which has every map stop queueing when it is told to
// (queue_without_daemon), and starts it. Maps of the dead it cannot set up when it
// starts, and those that it cannot take away, being in use, it never sets up again:
// not even when their paths come back.
func (s *soaker) restart(k soak.Kind) {
	s.restarted = true
	if k == soak.Crash {
		s.daemon.Kill(s.t)
	} else {
		s.daemon.Stop(s.t)
	}
	s.each(func(v volumeID) {
		if _, mapped := s.mapOf(v); mapped && !s.alive(v) {
			s.unqueued[v] = true
		}
	})
	s.daemon = guest.StartMultipathd(s.t, s.conf)
}

// A soakUse is somebody who uses a map.
type soakUse struct {
	v       volumeID
	m       guest.Map
	dir     string // where it is mounted
	content []byte // what its file holds, safely on the array
	writes  uint64
	process *exec.Cmd
}

func (s *soaker) use(a soak.Action) string {
	v := volumeID{a.LUN, s.book.LUN[a.LUN].Last}
	m, ok := s.mapOf(v)
	switch {
	case !ok:
		return "it has no map"
	case s.uses[a.LUN] != nil:
		return "it is in use"
	}
	u := &soakUse{v: v, m: m}
	var err error
	switch a.Kind {
	case soak.Mount:
		err = s.mount(u)
	case soak.Hold:
		err = u.hold()
	case soak.Stack:
		err = u.stack(s.t.Context())
	}
	if err != nil {
		return err.Error()
	}
	s.uses[a.LUN] = u
	return ""
}

func (s *soaker) mount(u *soakUse) error {
	if !s.carries(u.v) || s.book.Outage() {
		return fmt.Errorf("no path is up")
	}
	u.dir = "/tmp/soak-" + s.volumes[u.v].Name
	if err := os.MkdirAll(u.dir, 0o755); err != nil {
		return err
	}
	if _, err := guest.Try("mount", "-o", "noatime", u.m.Dev(), u.dir); err != nil {
		return err
	}
	delete(s.sums, u.v) // it has a writer now
	return u.write()
}

// write puts something new into the mounted volume, and has it on the array
// before it returns.
func (u *soakUse) write() error {
	u.writes++
	content := make([]byte, 64<<10)
	_, _ = rand.NewChaCha8([32]byte{byte(u.writes), byte(u.writes >> 8), 'w'}).Read(content)
	f, err := os.OpenFile(u.file(), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = f.WriteAt(content, 0); err == nil {
		err = f.Sync()
	}
	u.content = content
	return err
}

func (u *soakUse) file() string { return u.dir + "/data" }

// sync has the array hold all that a LUN's user has written.
func (s *soaker) sync(lun int) {
	if u := s.uses[lun]; u != nil && u.dir != "" && s.carries(u.v) && !s.book.Outage() {
		guest.Run(s.t, "sync", "-f", u.dir)
	}
}

func (u *soakUse) hold() error {
	f, err := os.Open(u.m.Dev())
	if err != nil {
		return err
	}
	defer f.Close()
	u.process = exec.Command("sleep", "100000")
	u.process.ExtraFiles = []*os.File{f}
	return u.process.Start()
}

func (s *soaker) unuse(a soak.Action) string {
	u := s.uses[a.LUN]
	if u == nil || soak.End(s.book.LUN[a.LUN].Use) != a.Kind {
		return "nobody uses it so"
	}
	switch a.Kind {
	case soak.Umount:
		if s.book.Outage() {
			return "it would wait"
		}
		s.umount(u)
	case soak.Release:
		_ = u.process.Process.Kill()
		_ = u.process.Wait()
	case soak.Unstack:
		if s.book.Outage() && soak.Queues(a.LUN) { // udev may read what stands there
			return "it would wait"
		}
		s.drained(u, func() { guest.Run(s.t, "dmsetup", "remove", "--retry", u.stacked()) }) // udev may look at it
	}
	delete(s.uses, a.LUN)
	return ""
}

// drained does what takes away what stands on a map. A dead map's queue is freed for
// that, as an administrator must, for it would wait for what is queued; and again and
// again, for multipathd has the map queue anew whenever it loads its table.
func (s *soaker) drained(u *soakUse, do func()) {
	if s.carries(u.v) {
		do()
		return
	}
	fail := func() { _ = exec.Command("dmsetup", "message", u.m.Name, "0", "fail_if_no_path").Run() }
	fail()
	s.unqueued[u.v] = true
	again := time.NewTicker(time.Second)
	defer again.Stop()
	done := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(done)
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-again.C:
				fail()
			}
		}
	})
	do()
}

// umount unmounts, and finds on the array what had been written.
func (s *soaker) umount(u *soakUse) {
	s.drained(u, func() { guest.Umount(s.t, u.dir) })
	b := s.volumes[u.v]
	if got := b.Rescue(s.t, "data"); string(got) != string(u.content) {
		s.fail("%s has lost what was written to it: %d bytes, first %.16x", b.Name, len(got), got)
	}
	s.sums[u.v] = b.Sum(s.t)
}
