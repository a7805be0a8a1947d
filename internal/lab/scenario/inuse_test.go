//go:build lab && linux

package scenario

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// Dead maps that somebody still uses stay, and the user is named; a dead map
// with nothing but idle partitions on it goes.
func TestInUse(t *testing.T) {
	g, lus := array(t, 7, guest.Conf{FriendlyNames: true})
	var maps []guest.Map
	for lun := range 7 {
		maps = append(maps, guest.MapOf(t, g.Disks(t, lun)[0]))
	}
	const kept, mounted, lvm, swapped, elsewhere, idle, held = 0, 1, 2, 3, 4, 5, 6
	guest.Mkfs(t, "ext4", maps[mounted].Dev())
	dir := guest.Mount(t, maps[mounted].Dev())
	guest.VolumeGroup(t, maps[lvm].Dev(), "vg", "lv")
	guest.Swapon(t, maps[swapped].Dev())
	part := guest.Partition(t, maps[elsewhere])
	guest.Mkfs(t, "ext4", "/dev/mapper/"+part)
	pid := guest.MountElsewhere(t, "/dev/mapper/"+part)
	guest.Partition(t, maps[idle])
	guest.Hold(t, maps[held].Dev(), true)
	pattern := guest.WritePattern(t, maps[kept].Dev(), 5)
	idleDisks := g.Disks(t, idle)

	for lun := 1; lun < 7; lun++ {
		g.Unmap(t, lun)
	}
	for lun := 1; lun < 7; lun++ {
		guest.WaitFailed(t, maps[lun])
	}
	s := newSweeper(t, remediate.WithMaxDead(1))
	sv := survey(t, s)
	want := map[int][2]string{
		mounted: {"mount", dir}, lvm: {"holder", "vg-lv"}, swapped: {"swap", maps[swapped].Name},
		elsewhere: {"mount", "elsewhere-"}, held: {"process", "scenario"},
	}
	for lun, user := range want {
		d := verdict(t, sv, lus[lun].WWID(), remediate.StaleInUse)
		if !uses(d, user[0], user[1]) {
			t.Errorf("LUN %d: want %s %s among its users: %v", lun, user[0], user[1], d.InUse)
		}
	}
	if d, _ := sv.Find(lus[elsewhere].WWID()); !uses(d, "mount", "elsewhere-") {
		t.Errorf("the mount in process %d's namespace is not seen: %v", pid, d.InUse)
	}

	p := plan(t, s, lus[idle].WWID())
	execute(t, s, p, remediate.Removed)
	expectGone(t, maps[idle], idleDisks...)
	for lun := range want {
		if !strings.Contains(strings.Join(guest.DmsetupLs(t), " "), maps[lun].Name) {
			t.Errorf("%s is gone", maps[lun].Name)
		}
	}
	expectThere(t, maps[kept], 2)
	pattern.Check(t)
}

// uses reports whether a user of this kind is named, by a name that holds by.
// A swap area may be named by the node behind the map's name.
func uses(d remediate.Device, kind, by string) bool {
	for _, u := range d.InUse {
		if string(u.Kind) != kind {
			continue
		}
		if strings.Contains(u.By, by) || strings.Contains(u.Detail, d.Map.DM) && kind != "mount" {
			return true
		}
	}
	return false
}

// A map that comes into use between the plan and its execution is refused, the
// user named, and it goes on queueing.
func TestInUseSince(t *testing.T) {
	g, lus := array(t, 3, guest.Conf{FriendlyNames: true, NoPathRetry: "queue"})
	m := guest.MapOf(t, g.Disks(t, 2)[0])
	g.Unmap(t, 2)
	guest.WaitFailed(t, m)
	s := newSweeper(t)
	p := plan(t, s, lus[2].WWID())
	release := guest.Hold(t, m.Dev(), true)
	refused(t, p)
	r := execute(t, s, p, remediate.Refused)
	var inUse *remediate.InUseError
	if !errors.As(r.Results[0].Err, &inUse) || inUse.Users[0].PID != os.Getpid() {
		t.Errorf("the error does not name this process, %d: %v", os.Getpid(), r.Results[0].Err)
	}
	if !guest.Queueing(t, m.Name) {
		t.Errorf("%s does not queue any more: %s", m.Name, guest.DmsetupTable(t, m.Name))
	}
	release()
	disks := g.Disks(t, 2)
	execute(t, s, p, remediate.Removed)
	expectGone(t, m, disks...)
}

// A volume group on a dead map that nobody has activated is no use: its labels are on
// a LU that is gone, and nothing of the kernel's stands on it. It goes, and LVM is
// asked and told nothing; while it is active, the map stays.
func TestInactiveLVM(t *testing.T) {
	g, lus := array(t, 3, guest.Conf{FriendlyNames: true})
	m, active := guest.MapOf(t, g.Disks(t, 1)[0]), guest.MapOf(t, g.Disks(t, 2)[0])
	guest.VolumeGroup(t, m.Dev(), "idle", "lv")
	guest.Deactivate(t, "idle")
	guest.VolumeGroup(t, active.Dev(), "busy", "lv")
	disks := g.Disks(t, 1)
	for lun, m := range map[int]guest.Map{1: m, 2: active} {
		g.Unmap(t, lun)
		guest.WaitFailed(t, m)
	}
	s := newSweeper(t, remediate.WithMaxDead(1))
	d := verdict(t, survey(t, s), lus[2].WWID(), remediate.StaleInUse)
	if !uses(d, "holder", "busy-lv") {
		t.Errorf("the active volume is not among the users: %v", d.InUse)
	}
	execute(t, s, plan(t, s, lus[1].WWID()), remediate.Removed)
	expectGone(t, m, disks...)
	if !strings.Contains(strings.Join(guest.DmsetupLs(t), " "), "busy-lv") {
		t.Error("the active volume is gone")
	}
	expectThere(t, guest.MapOf(t, g.Disks(t, 0)[0]), 2)
}

// A volume group on a dead disk without multipath that nobody has activated is no use,
// there where no map's open count tells of anybody.
func TestInactiveLVMDisk(t *testing.T) {
	guest.Modprobe(t, "dm-multipath") // without it some versions of multipath refuse to look
	g, lus := volumes(t, 3, "127.0.0.1")
	node := func(lun int) string { return "/dev/" + g.Disks(t, lun)[0] }
	guest.VolumeGroup(t, node(1), "idle", "lv")
	guest.Deactivate(t, "idle")
	guest.VolumeGroup(t, node(2), "busy", "lv")
	disk := g.Disks(t, 1)[0]
	g.Unmap(t, 1)
	g.Unmap(t, 2)
	s := newSweeper(t, remediate.WithMaxDead(1))
	d := verdict(t, survey(t, s), lus[2].WWID(), remediate.StaleInUse)
	if !slices.ContainsFunc(d.InUse, func(u remediate.Use) bool { return strings.Contains(u.By, "busy-lv") }) {
		t.Errorf("the active volume is not among the users: %v", d.InUse)
	}
	execute(t, s, plan(t, s, lus[1].WWID()), remediate.Removed)
	if slices.Contains(guest.Ls("/sys/block"), disk) {
		t.Errorf("%s is still there", disk)
	}
	if !strings.Contains(strings.Join(guest.DmsetupLs(t), " "), "busy-lv") {
		t.Error("the active volume is gone")
	}
}
