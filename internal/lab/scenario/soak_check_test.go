//go:build lab && linux

package scenario

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/internal/lab/soak"
)

// A sight is what the host has of the volumes, by sysfs.
type sight struct {
	maps  map[string]guest.Map // by WWID
	disks []guest.Disk
}

func (s *soaker) look() sight {
	at := sight{maps: map[string]guest.Map{}, disks: s.g.AllDisks()}
	for _, m := range guest.Maps() {
		// A map holds a disk that is deleted, and the link to it, until multipathd
		// gives it another table.
		m.Paths = slices.DeleteFunc(m.Paths, func(path string) bool {
			return !slices.ContainsFunc(at.disks, func(d guest.Disk) bool { return d.Name == path })
		})
		at.maps[m.WWID] = m
	}
	return at
}

// settle waits a while until the host has worked off what happened to it.
func (s *soaker) settle() {
	_, _ = guest.TryFor(3*time.Second, "udevadm", "settle", "--timeout=1")
	last := fmt.Sprint(s.look())
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		time.Sleep(150 * time.Millisecond)
		now := fmt.Sprint(s.look())
		if now == last {
			return
		}
		last = now
	}
}

// residue says what the host has of a volume: its map, its disks.
func (at sight) residue(wwid string) string {
	var out []string
	if m, ok := at.maps[wwid]; ok {
		out = append(out, fmt.Sprintf("map %s %v", m.DM, m.Paths))
	}
	for _, d := range at.disks {
		if d.WWID == wwid {
			out = append(out, fmt.Sprintf("disk %s at LUN %d", d.Name, d.LUN))
		}
	}
	return strings.Join(out, ", ")
}

// couldClear lists the volumes that a sweep now must clear, sooner or later:
// dead, ours and unused, while nothing else is wrong with the host.
func (s *soaker) couldClear() []volumeID {
	var out []volumeID
	if s.book.Outage() || s.book.Frozen {
		return nil
	}
	for _, x := range s.g.Sessions() {
		if x.State != "LOGGED_IN" {
			return nil
		}
	}
	at := s.look()
	s.each(func(v volumeID) {
		if soak.Ours(v.lun) && !s.alive(v) && !s.inUse(v) && !at.inAnothersMap(s.wwid(v)) {
			out = append(out, v)
		}
	})
	return out
}

// inAnothersMap reports whether a disk that the kernel takes for a volume's is in
// the map of the volume that had the LUN before: a scan tells the kernel of a
// reuse, and multipathd may not hear of it. That map must go first, where it can.
func (at sight) inAnothersMap(wwid string) bool {
	for _, d := range at.disks {
		for of, m := range at.maps {
			if d.WWID == wwid && of != wwid && slices.Contains(m.Paths, d.Name) {
				return true
			}
		}
	}
	return false
}

// check is the oracle. It asks dmsetup, sysfs, the mount table and the array's
// own files; of the library it believes nothing, not even its journal, which
// must only not say worse than they do.
func (s *soaker) check(before sight, could []volumeID) {
	s.t.Helper()
	after := s.look()
	s.checkJournal(before)
	s.each(func(v volumeID) { s.checkUntouched(v, before, after) })
	s.checkSuspended()
	s.checkQueueing()
	s.checkPaths()
	s.checkUses()
	s.checkContents()
	s.checkCleared(could)
}

// checkJournal: what anything was done to is ours, unused, and dead by the
// book, or was a map without any path.
func (s *soaker) checkJournal(before sight) {
	s.t.Helper()
	for _, wwid := range s.journal.stepped() {
		v, known := s.byWWID(wwid)
		m, mapped := before.maps[wwid]
		switch {
		case !known || !soak.Ours(v.lun):
			s.fail("something was done to %s, which is not ours", wwid)
		case s.inUse(v):
			s.fail("something was done to %s, which is in use", wwid)
		case s.alive(v) && !(mapped && len(m.Paths) == 0):
			s.fail("something was done to %s, which is alive", wwid)
		}
	}
}

// checkUntouched: what is alive, in use or not ours is what it was. Where a LUN
// was given to another volume, or the kernel takes its disks for another's,
// multipathd may find that out by itself, after a rescan, and take the paths out of
// the map, and an unused map away; and when it starts, it takes away unused maps that
// it does not find anew at once, and makes those of the living again. What we did to it
// then, checkJournal tells.
func (s *soaker) checkUntouched(v volumeID, before, after sight) {
	s.t.Helper()
	m, had := before.maps[s.wwid(v)]
	reused := s.book.Alive(v.lun, 1-v.volume) || s.wasAlive[volumeID{v.lun, 1 - v.volume}] || before.mistaken(v.lun, s.wwid(v))
	forgotten := s.restarted && !s.alive(v)
	mustStay := s.alive(v) && before.knows(m) || s.inUse(v) || !soak.Ours(v.lun) && !reused && !forgotten
	if !had || !mustStay {
		return
	}
	if s.restarted && !s.inUse(v) {
		s.madeAgain(v, reused)
		for _, d := range before.disks {
			if slices.Contains(m.Paths, d.Name) && !s.deleted[v.lun] && !reused && !slices.Contains(after.disks, d) {
				s.fail("%s (diskseq %s), a disk of %s, is not there any more: %+v", d.Name, d.Seq, s.wwid(v), after.disks)
			}
		}
		return
	}
	now := after.maps[s.wwid(v)]
	if now.DM != m.DM || now.Name != m.Name {
		s.fail("the map of %s was %s %s and is %q %s", s.wwid(v), m.DM, m.Name, now.DM, now.Name)
	}
	if s.deleted[v.lun] || reused {
		return
	}
	for _, d := range before.disks {
		if slices.Contains(m.Paths, d.Name) && (!slices.Contains(after.disks, d) || !slices.Contains(now.Paths, d.Name)) {
			s.fail("%s (diskseq %s), a path of %s, is not there any more: %v, %+v", d.Name, d.Seq, s.wwid(v), now.Paths, after.disks)
		}
	}
}

// madeAgain: a living volume has its map again soon, where the kernel knows it, and its
// size: what was scanned while its LUN was away has none until the next scan.
func (s *soaker) madeAgain(v volumeID, mistaken bool) {
	s.t.Helper()
	if mistaken || !s.alive(v) || s.book.Frozen {
		return
	}
	s.soon("the map of "+s.wwid(v)+" is there again", func() error {
		at := s.look()
		if _, ok := at.maps[s.wwid(v)]; !ok && at.sized(s.wwid(v)) {
			return errors.New("it is not")
		}
		return nil
	})
}

// sized reports whether the kernel knows the size of a disk that it takes for the
// volume's.
func (at sight) sized(wwid string) bool {
	return slices.ContainsFunc(at.disks, func(d guest.Disk) bool {
		size, err := os.ReadFile("/sys/block/" + d.Name + "/size")
		return d.WWID == wwid && err == nil && strings.TrimSpace(string(size)) != "0"
	})
}

// knows reports whether the kernel takes a path of the map for the map's volume's. One
// that it takes for another's multipathd takes out, and the map with the last of them.
func (at sight) knows(m guest.Map) bool {
	return slices.ContainsFunc(at.disks, func(d guest.Disk) bool { return slices.Contains(m.Paths, d.Name) && d.WWID == m.WWID })
}

// mistaken reports whether the kernel takes a disk of the LUN for another volume's than
// this.
func (at sight) mistaken(lun int, wwid string) bool {
	return slices.ContainsFunc(at.disks, func(d guest.Disk) bool { return d.LUN == lun && d.WWID != wwid })
}

// checkSuspended: no map stays suspended; multipathd suspends one for a moment when
// it changes it.
func (s *soaker) checkSuspended() {
	s.t.Helper()
	s.soon("no map is suspended", func() error {
		for name, i := range guest.DmsetupInfo(s.t) {
			if i.Suspended {
				return fmt.Errorf("%s is", name)
			}
		}
		return nil
	})
}

// checkQueueing: the maps of what is alive or in use queue as multipath.conf has it;
// others' maps, and those of the dead, of which multipathd may have made something else
// by itself before (when it started, say), where they did when the sweep began.
func (s *soaker) checkQueueing() {
	s.t.Helper()
	s.soon("queueing is as configured", func() error {
		for wwid, table := range guest.DmsetupTables(s.t) {
			v, ok := s.byWWID(wwid)
			if !ok || !s.alive(v) && !s.inUse(v) || s.unqueued[v] {
				continue
			}
			want := soak.Queues(v.lun)
			if queues(table) != want && (soak.Ours(v.lun) && s.alive(v) || queues(s.tables[wwid]) == want) {
				return fmt.Errorf("%s: %s", wwid, table)
			}
		}
		return nil
	})
}

// carries reports whether a volume is mapped and the kernel can know it: a scan
// while a LUN is away leaves its disks without a size, or with that of what LIO has at
// LUN 0 then, until the next scan, and a map that multipathd has made then stays that small.
func (s *soaker) carries(v volumeID) bool {
	m, ok := s.mapOf(v)
	if !ok || !s.alive(v) {
		return false
	}
	whole, err := os.ReadFile("/sys/block/" + m.DM + "/size")
	if err != nil || strings.TrimSpace(string(whole)) != strconv.Itoa(s.volumes[v].MiB<<20/512) {
		return false
	}
	for _, p := range m.Paths {
		size, err := os.ReadFile("/sys/block/" + p + "/size")
		if err != nil || strings.TrimSpace(string(size)) == "0" || string(size) != string(whole) {
			return false
		}
	}
	return len(m.Paths) > 0
}

func queues(table string) bool { return strings.Contains(table, "queue_if_no_path") }

// checkPaths: where nothing is down, every path of a living map is up.
func (s *soaker) checkPaths() {
	s.t.Helper()
	if s.book.Outage() || s.book.Frozen {
		return
	}
	s.soon("the living have all their paths", func() error {
		for wwid, status := range guest.DmsetupStatuses(s.t) {
			if v, ok := s.byWWID(wwid); ok && s.carries(v) && strings.Contains(status, " F ") {
				return fmt.Errorf("%s: %s", wwid, status)
			}
		}
		return nil
	})
}

// soon waits a good while for what multipathd takes its time to see.
func (s *soaker) soon(what string, cond func() error) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		err := cond()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			s.fail("not within 30 s: %s: %v", what, err)
		}
	}
}

// checkUses: mounts, openers and holders are still there, and what is mounted
// can be read and written as long as it is alive.
func (s *soaker) checkUses() {
	s.t.Helper()
	for lun, u := range s.uses {
		switch {
		case u.process != nil && guest.Process(u.process.Process.Pid).State != "S":
			s.fail("the holder of LUN %d is %s", lun, guest.Process(u.process.Process.Pid))
		case u.dir == "" && u.process == nil && !slices.Contains(guest.DmsetupLs(s.t), u.stacked()):
			s.fail("what stood on LUN %d is gone: %v", lun, guest.DmsetupLs(s.t))
		case u.dir != "":
			s.checkMount(u)
		}
	}
}

func (s *soaker) checkMount(u *soakUse) {
	s.t.Helper()
	if mounts := guest.Read(s.t, "/proc/self/mounts"); !strings.Contains(mounts, u.m.Dev()+" "+u.dir+" ") {
		s.fail("%s is not mounted any more:\n%s", u.dir, mounts)
	}
	if !s.carries(u.v) || s.book.Outage() || s.book.Frozen {
		return
	}
	got, err := readDirect(u.file(), len(u.content))
	if err != nil || !bytes.Equal(got, u.content) {
		s.fail("%s does not hold any more what was written to it: %v", u.file(), err)
	}
	if err := u.write(); err != nil {
		s.fail("%s cannot be written to: %v", u.file(), err)
	}
}

// readDirect reads the beginning of a file past the page cache.
func readDirect(path string, n int) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECT, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := guest.Aligned(n)
	_, err = f.ReadAt(buf, 0)
	return buf, err
}

// checkContents: every volume that nobody may write to holds on the array what
// it held, and what is alive gives the same through its map.
func (s *soaker) checkContents() {
	s.t.Helper()
	at := s.look()
	s.each(func(v volumeID) {
		sum, kept := s.sums[v]
		if kept && s.volumes[v].Sum(s.t) != sum {
			s.fail("%s does not hold any more what it held", s.volumes[v].Name)
		}
		m, ok := at.maps[s.wwid(v)]
		if !kept || !ok || !s.carries(v) || s.book.Outage() || s.book.Frozen {
			return
		}
		if (v.lun+s.at)%4 > 0 {
			return // by turns: it is much to read
		}
		if !s.volumes[v].Holds(s.t, m.Dev()) {
			s.fail("%s reads otherwise than what is on the array; the array has %x; sectors and what each reads: %s", m.Dev(), s.volumes[v].Sum(s.t), readings(m))
		}
	})
}

// readings says how large a map and its paths are, and what each reads as.
func readings(m guest.Map) string {
	out := ""
	for _, name := range append([]string{m.DM}, m.Paths...) {
		size, _ := os.ReadFile("/sys/block/" + name + "/size")
		sum := "cannot be read"
		if text, err := guest.TryFor(20*time.Second, "dd", "if=/dev/"+name, "bs=1M", "iflag=direct", "status=none"); err == nil {
			sum = fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
		}
		out += fmt.Sprintf("%s %s %s; ", name, strings.TrimSpace(string(size)), sum)
	}
	return out
}

// checkCleared: what is dead, ours and unused goes with the second sweep at the
// latest that nothing stood against.
func (s *soaker) checkCleared(could []volumeID) {
	s.t.Helper()
	still, at := s.couldClear(), s.look()
	s.each(func(v volumeID) {
		left := at.residue(s.wwid(v))
		switch {
		case left == "":
			s.misses[v] = 0
			delete(s.unqueued, v)
		case s.alive(v):
			s.misses[v] = 0
		case slices.Contains(could, v) && slices.Contains(still, v) && !s.stopped:
			s.misses[v]++
		}
		if s.misses[v] > 1 {
			s.fail("%s is dead, ours and unused, and not cleared by two sweeps: %s", s.wwid(v), left)
		}
	})
}
