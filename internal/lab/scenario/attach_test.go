//go:build lab && linux

package scenario

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

func verifyIdentity(t *testing.T, s *remediate.Sweeper, device, wwid string) (err error) {
	t.Helper()
	watched(t, func() { err = s.VerifyIdentity(bounded(t), device, wwid) })
	return err
}

// mismatch checks that a device is refused as another LU, seen through path.
func mismatch(t *testing.T, s *remediate.Sweeper, device, wwid, got string, paths ...string) {
	t.Helper()
	err := verifyIdentity(t, s, device, wwid)
	var e *remediate.IdentityError
	if !errors.As(err, &e) || e.Got != got || !slices.Contains(paths, e.Path) {
		t.Errorf("%s as %s: %v, want %s through one of %v", device, wwid, err, got, paths)
	}
}

// Before a volume is used, its device is proven to lead to it: by whatever node
// or link, and not where the LUN is another's by now, although it reads well and
// the kernel remembers the old identity.
func TestVerifyIdentity(t *testing.T) {
	g, lus := array(t, 3, guest.Conf{FriendlyNames: true})
	m, disks := guest.MapOf(t, g.Disks(t, 2)[0]), g.Disks(t, 2)
	s := newSweeper(t)
	devices := []string{m.Dev(), "/dev/" + m.DM, "/dev/" + disks[0], "/dev/disk/by-id/dm-uuid-mpath-" + m.WWID, "/dev/disk/by-id/wwn-0x" + m.WWID[1:]}
	byPath, _ := filepath.Glob("/dev/disk/by-path/*-lun-2")
	for _, device := range append(devices, byPath...) {
		for _, wwid := range []string{m.WWID, "naa." + m.WWID[1:], "0x" + strings.ToUpper(m.WWID[1:])} {
			if err := verifyIdentity(t, s, device, wwid); err != nil {
				t.Errorf("%s as %s: %v", device, wwid, err)
			}
		}
	}
	mismatch(t, s, m.Dev(), lus[1].WWID(), m.WWID, disks...)

	misled := "/dev/disk/by-id/wwn-0x" + lus[1].WWID()[1:]
	if err := errors.Join(os.Remove(misled), os.Symlink("../../"+m.DM, misled)); err != nil {
		t.Fatal(err)
	}
	mismatch(t, s, misled, lus[1].WWID(), m.WWID, disks...)

	guest.Run(t, "dmsetup", "suspend", "--noflush", m.Name)
	if err := verifyIdentity(t, s, m.Dev(), m.WWID); err == nil {
		t.Errorf("%s is suspended, and taken for proven", m.Name)
	}
	guest.Run(t, "dmsetup", "resume", m.Name)

	fresh := guest.NewBackstore(t, "fresh", 16, "cd99")
	g.Remap(t, 2, fresh)
	for _, d := range disks {
		guest.Run(t, "dd", "if=/dev/"+d, "of=/dev/null", "bs=4k", "count=1", "iflag=direct") // it reads well
		if wwid := guest.Read(t, "/sys/block/"+d+"/device/wwid"); wwid != "naa."+m.WWID[1:] {
			t.Fatalf("sysfs says %s: the scenario does not show what it is for", wwid)
		}
	}
	mismatch(t, s, m.Dev(), m.WWID, fresh.WWID(), disks...)
	mismatch(t, s, m.Dev(), fresh.WWID(), m.WWID, disks...)
	g.Unmap(t, 2)
	if err := verifyIdentity(t, s, m.Dev(), m.WWID); err == nil {
		t.Errorf("%s leads nowhere, and is taken for proven", m.Name)
	}
	expectNotStuck(t)
}

// One of a map's two paths leads to another volume, and one of them is down.
func TestVerifyIdentityOfOnePath(t *testing.T) {
	a, b := guest.NewTarget(t, "a", "127.0.0.1"), guest.NewTarget(t, "b", "127.0.0.2")
	old := guest.NewBackstore(t, "old", 16, "ab01")
	for _, g := range []*guest.Target{a, b} {
		g.Map(t, 1, old)
	}
	guest.StartInitiator(t, guest.Patience{}, false)
	a.Login(t, 1)
	b.Login(t, 1)
	guest.StartMultipathd(t, guest.Conf{FriendlyNames: true})
	guest.WaitMaps(t, 1, 2)
	m, right, foreign := guest.MapOf(t, a.Disks(t, 1)[0]), a.Disks(t, 1)[0], b.Disks(t, 1)[0]
	s, lenient := newSweeper(t), newSweeper(t, remediate.WithSilentPaths())

	fresh := guest.NewBackstore(t, "fresh", 16, "cd99")
	b.Remap(t, 1, fresh)
	mismatch(t, s, m.Dev(), m.WWID, fresh.WWID(), foreign)
	mismatch(t, s, "/dev/"+right, m.WWID, fresh.WWID(), foreign)
	mismatch(t, lenient, m.Dev(), m.WWID, fresh.WWID(), foreign)
	b.Remap(t, 1, old)
	if err := verifyIdentity(t, s, m.Dev(), m.WWID); err != nil {
		t.Errorf("the LUN is what it was: %v", err)
	}

	guest.Cut(t, "127.0.0.2")
	b.WaitSessions(t, "FAILED", limit)
	guest.WaitFor(t, "the kernel gives the path up", limit, func() error {
		if state := guest.Read(t, "/sys/block/"+foreign+"/device/state"); state != "transport-offline" {
			return errors.New(state)
		}
		return nil
	})
	err := verifyIdentity(t, s, m.Dev(), m.WWID)
	var e *remediate.IdentityError
	if !errors.As(err, &e) || e.Path != foreign || e.Got != "" {
		t.Errorf("one path is down: %v", err)
	}
	if err := verifyIdentity(t, lenient, m.Dev(), m.WWID); err != nil {
		t.Errorf("one path is down, which was allowed: %v", err)
	}
}

// A LUN is made ready for the next volume, whether the array has given it away
// already or not; the new one then comes up as itself, with its own data.
func TestClearLUN(t *testing.T) {
	g, lus := array(t, 4, guest.Conf{FriendlyNames: true})
	old, oldDisks := guest.MapOf(t, g.Disks(t, 2)[0]), g.Disks(t, 2)
	next, nextDisks := guest.MapOf(t, g.Disks(t, 3)[0]), g.Disks(t, 3)
	guest.WritePattern(t, old.Dev(), 1)
	data := guest.WritePattern(t, next.Dev(), 2)
	kept := guest.MapOf(t, g.Disks(t, 1)[0])
	pattern := guest.WritePattern(t, kept.Dev(), 3)
	s := newSweeper(t)
	at := func(lun uint64) remediate.Address { return remediate.Address{Target: g.IQN, LUN: lun} }

	clear := func(lun uint64, wwid string, cleared ...string) {
		t.Helper()
		r, err := reported(t, func() (*remediate.Report, error) { return s.ClearLUN(bounded(t), at(lun), wwid) })
		if err != nil {
			t.Fatalf("clear LUN %d: %+v", lun, err)
		}
		var got []string
		for _, x := range r.Results {
			got = append(got, x.WWID)
		}
		if !slices.Equal(got, cleared) {
			t.Fatalf("clear LUN %d: cleared %v, want %v", lun, got, cleared)
		}
	}
	clear(9, lus[3].WWID())
	clear(1, lus[1].WWID())
	var err error
	watched(t, func() { _, err = s.ClearLUN(bounded(t), at(1), lus[3].WWID()) })
	var evidence *remediate.EvidenceError
	if !errors.As(err, &evidence) || evidence.Verdict != remediate.Healthy {
		t.Errorf("LUN 1 is another volume's, and alive: %v", err)
	}
	expectThere(t, kept, 2)

	g.Unmap(t, 3)
	clear(3, lus[3].WWID(), lus[3].WWID())
	expectGone(t, next, nextDisks...)
	g.Remap(t, 2, lus[3]) // the array is faster than the host
	clear(2, lus[3].WWID(), lus[2].WWID())
	expectGone(t, old, oldDisks...)

	g.Rescan(t)
	guest.WaitMaps(t, 3, 2)
	m := guest.MapOf(t, g.Disks(t, 2)[0])
	if err := verifyIdentity(t, s, m.Dev(), lus[3].WWID()); err != nil {
		t.Errorf("the new volume: %v", err)
	}
	if !data.Same(t, m.Dev()) {
		t.Errorf("%s does not hold the new volume's data", m.Name)
	}
	clear(2, lus[3].WWID())
	expectThere(t, m, 2)
	expectThere(t, kept, 2)
	pattern.Check(t)
}

// A leftover that is still mounted keeps the LUN, by name of its user, until it
// is unmounted.
func TestClearLUNInUse(t *testing.T) {
	g, lus := array(t, 3, guest.Conf{FriendlyNames: true})
	m, disks := guest.MapOf(t, g.Disks(t, 2)[0]), g.Disks(t, 2)
	guest.Mkfs(t, "ext4", m.Dev())
	dir := guest.Mount(t, m.Dev())
	fresh := guest.NewBackstore(t, "fresh", 16, "cd99")
	g.Remap(t, 2, fresh)
	s := newSweeper(t)
	at := remediate.Address{Target: g.IQN, LUN: 2}
	var err error
	watched(t, func() { _, err = s.ClearLUN(bounded(t), at, fresh.WWID()) })
	var inUse *remediate.InUseError
	if !errors.As(err, &inUse) || !slices.ContainsFunc(inUse.Users, func(u remediate.Use) bool { return u.By == dir }) {
		t.Fatalf("the leftover is mounted at %s: %v", dir, err)
	}
	for _, d := range disks {
		if !slices.Contains(guest.Ls("/sys/block"), d) {
			t.Errorf("%s is gone", d)
		}
	}
	if !strings.Contains(guest.MultipathLL(t), lus[2].WWID()) {
		t.Errorf("%s is gone", m.Name)
	}
	guest.Umount(t, dir)
	r, err := reported(t, func() (*remediate.Report, error) { return s.ClearLUN(bounded(t), at, fresh.WWID()) })
	if err != nil || len(r.Results) != 1 || r.Results[0].Outcome != remediate.Removed {
		t.Fatalf("unmounted: %+v, %+v", r, err)
	}
	expectGone(t, m, disks...)
}
