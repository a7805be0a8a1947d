//go:build lab && linux

package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A holder uses a device in one way. The use that the survey must name has this
// kind, these words and, where there is one, this command.
type holder struct {
	name    string
	kind    remediate.UseKind
	words   string // in By or Detail; "" where take returns what they are
	release string // the beginning of the command that would end the use
	// take uses the device, and returns words that name the user, and how to let
	// the device go; nil where it stays until the test ends.
	take func(t *testing.T, device string) (words string, letGo func())
}

// ext4 makes a file system on the device.
func ext4(t *testing.T, device string) string { guest.Mkfs(t, "ext4", device); return device }

// mounted are the ways of mounting a device, or of using it much like that.
var mounted = []holder{
	{"mount", remediate.UseMount, "", "umount /tmp/mnt-", func(t *testing.T, d string) (string, func()) {
		dir := guest.Mount(t, ext4(t, d))
		return dir, func() { guest.Umount(t, dir) }
	}},
	{"mount in a namespace of its own", remediate.UseMount, "elsewhere-", "nsenter -t ", func(t *testing.T, d string) (string, func()) {
		pid := guest.MountElsewhere(t, ext4(t, d))
		return fmt.Sprintf("process %d", pid), func() { guest.Kill(t, pid) }
	}},
	{"mount in a namespace without a process", remediate.UseMount, "", "nsenter --mount=/proc/", func(t *testing.T, d string) (string, func()) {
		dir, file := guest.MountPinned(t, ext4(t, d))
		return dir, func() { guest.Unpin(file) }
	}},
	{"mount in a namespace that an open file keeps", remediate.UseMount, "", "nsenter --mount=/proc/", func(t *testing.T, d string) (string, func()) {
		return guest.MountHeld(t, ext4(t, d))
	}},
	{"bind mount", remediate.UseMount, "", "umount /tmp/bind-", func(t *testing.T, d string) (string, func()) {
		dir := guest.BindOnly(t, ext4(t, d))
		return dir, func() { guest.Umount(t, dir) }
	}},
	{"lazily unmounted file system", remediate.UseOpen, "", "", func(t *testing.T, d string) (string, func()) {
		return "", guest.Detached(t, ext4(t, d))
	}},
	{"swap", remediate.UseSwap, "", "swapoff ", func(t *testing.T, d string) (string, func()) {
		guest.Swapon(t, d)
		return "", func() { guest.Run(t, "swapoff", d) }
	}},
	{"journal of a file system elsewhere", remediate.UseOpen, "", "", func(t *testing.T, d string) (string, func()) {
		return "", guest.Journal(t, d)
	}},
}

// stacked are the ways of using a device by another one on it.
var stacked = []holder{
	{"LVM", remediate.UseHolder, "", "vgchange -an ", func(t *testing.T, d string) (string, func()) {
		group := "vg-" + strings.ToLower(strings.TrimLeft(d, "/devmapr"))
		guest.VolumeGroup(t, d, group, "lv")
		volume := strings.ReplaceAll(group, "-", "--") + "-lv"
		return volume + " (LVM", func() { guest.RemoveVolume(t, volume) }
	}},
	{"LUKS", remediate.UseHolder, "secret", "cryptsetup close secret", func(t *testing.T, d string) (string, func()) {
		guest.Crypt(t, d, "secret")
		return "", func() { guest.Run(t, "cryptsetup", "close", "secret") }
	}},
	{"another device-mapper target", remediate.UseHolder, "slice", "dmsetup remove slice", func(t *testing.T, d string) (string, func()) {
		guest.Run(t, "dmsetup", "create", "slice", "--table", "0 2048 linear "+d+" 0")
		return "", func() { guest.Run(t, "dmsetup", "remove", "--retry", "slice") }
	}},
	{"md", remediate.UseHolder, "md7", "mdadm --stop /dev/md7", func(t *testing.T, d string) (string, func()) {
		return "", guest.Mirror(t, "7", d)
	}},
	{"bcache", remediate.UseHolder, "bcache0 (bcache)", "echo 1 > /sys/block/bcache0/bcache/stop", func(t *testing.T, d string) (string, func()) {
		return guest.Bcache(t, d)
	}},
	{"loop", remediate.UseHolder, "loop", "losetup -d /dev/loop", func(t *testing.T, d string) (string, func()) {
		node := guest.Losetup(t, d)
		return "", func() { guest.Run(t, "losetup", "-d", node) }
	}},
	{"loop by a node outside /dev", remediate.UseHolder, "loop", "losetup -d /dev/loop", func(t *testing.T, d string) (string, func()) {
		node := guest.Losetup(t, guest.NodeElsewhere(t, d))
		return "", func() { guest.Run(t, "losetup", "-d", node) }
	}},
	{"loop over a file on it", remediate.UseHolder, "loop", "losetup -d /dev/loop", func(t *testing.T, d string) (string, func()) {
		node := guest.LoopOverFile(t, ext4(t, d))
		return "", func() { guest.Run(t, "losetup", "-d", node) }
	}},
}

// opened are the ways of using a device that leave nothing on it: an export to
// other hosts, and processes.
var opened = []holder{
	{"export by LIO's iblock", remediate.UseHolder, "iblock_7/x", "targetcli /backstores/block delete x", func(t *testing.T, d string) (string, func()) {
		return "", guest.Export(t, "iblock", "x", d)
	}},
	{"export by LIO's fileio", remediate.UseHolder, "fileio_7/y", "targetcli /backstores/fileio delete y", func(t *testing.T, d string) (string, func()) {
		return "", guest.Export(t, "fileio", "y", d)
	}},
	{"opener in another pid namespace", remediate.UseProcess, "scenario.test (pid", "", func(t *testing.T, d string) (string, func()) {
		_, letGo := guest.Holder(t, "open", d, "unshare", "--pid", "--fork", "--kill-child")
		return "", letGo
	}},
	{"virtual machine", remediate.UseProcess, "", "", func(t *testing.T, d string) (string, func()) {
		return process(guest.Holder(t, "direct", d))
	}},
	{"file registered with an io_uring", remediate.UseProcess, "", "", func(t *testing.T, d string) (string, func()) {
		return process(guest.Holder(t, "ring", d))
	}},
	{"file of a thread with a table of its own", remediate.UseProcess, "", "", func(t *testing.T, d string) (string, func()) {
		return process(guest.Holder(t, "thread", d))
	}},
	{"mapping", remediate.UseProcess, "", "", func(t *testing.T, d string) (string, func()) {
		return process(guest.Holder(t, "mapped", d))
	}},
}

// onMaps are those that only a map's open count tells of, or only a map has.
var onMaps = []holder{
	{"partition", remediate.UseProcess, "", "", func(t *testing.T, d string) (string, func()) {
		part := guest.Partition(t, guest.MapCalled(t, d))
		return process(guest.Holder(t, "open", "/dev/mapper/"+part))
	}},
	{"loop over a partition", remediate.UseHolder, "loop", "losetup -d /dev/loop", func(t *testing.T, d string) (string, func()) {
		node := guest.Losetup(t, "/dev/mapper/"+guest.Partition(t, guest.MapCalled(t, d)))
		return "", func() { guest.Run(t, "losetup", "-d", node) }
	}},
	{"descriptor on its way", remediate.UseOpen, "open count 1", "", func(t *testing.T, d string) (string, func()) {
		_, letGo := guest.Holder(t, "flight", d)
		return "", letGo
	}},
}

// onDisks are those that only a bare disk has: the kernel's own partitions.
var onDisks = []holder{
	{"mounted partition", remediate.UseMount, "", "umount /tmp/mnt-", func(t *testing.T, d string) (string, func()) {
		dir := guest.Mount(t, ext4(t, guest.KernelPartition(t, d)))
		return dir, func() { guest.Umount(t, dir) }
	}},
	{"loop over a partition", remediate.UseHolder, "loop", "losetup -d /dev/loop", func(t *testing.T, d string) (string, func()) {
		node := guest.Losetup(t, guest.KernelPartition(t, d))
		return "", func() { guest.Run(t, "losetup", "-d", node) }
	}},
	{"opener of the node of sg", remediate.UseProcess, " as /dev/sg", "", func(t *testing.T, d string) (string, func()) {
		guest.Modprobe(t, "sg")
		return process(guest.Holder(t, "open", guest.Generic(t, "scsi_generic", d)))
	}},
	{"opener of the node of bsg", remediate.UseProcess, " as /dev/bsg/", "", func(t *testing.T, d string) (string, func()) {
		return process(guest.Holder(t, "open", guest.Generic(t, "bsg", d)))
	}},
	{"opener of a partition", remediate.UseProcess, "", "", func(t *testing.T, d string) (string, func()) {
		return process(guest.Holder(t, "open", guest.KernelPartition(t, d)))
	}},
}

func process(pid int, letGo func()) (string, func()) { return fmt.Sprintf("(pid %d)", pid), letGo }

// volumes is an array with n LUs, by as many portals as are named.
func volumes(t *testing.T, n int, portals ...string) (*guest.Target, []guest.Backstore) {
	t.Helper()
	g := guest.NewTarget(t, "array", portals...)
	var lus []guest.Backstore
	for i := range n {
		lus = append(lus, guest.NewBackstore(t, fmt.Sprintf("b%d", i), 16, fmt.Sprintf("ab%02x", i)))
		g.Map(t, i, lus[i])
	}
	guest.StartInitiator(t, guest.Patience{}, false)
	g.Login(t, n)
	return g, lus
}

// held takes each LU from number 1 on in its holder's way, unmaps them all, and
// checks that each is refused and its user named; LU 0 lives and LU 1 is idle.
// Then it lets go, and everything is cleared.
func held(t *testing.T, g *guest.Target, lus []guest.Backstore, kinds []holder, device func(lun int) string, want remediate.Verdict) {
	t.Helper()
	words, letGo := make([]string, len(kinds)), make([]func(), len(kinds))
	for i, k := range kinds {
		words[i], letGo[i] = k.take(t, device(i+2))
	}
	pattern := guest.WritePattern(t, device(0), 5)
	for lun := 1; lun < len(lus); lun++ {
		g.Unmap(t, lun)
	}
	s := newSweeper(t, remediate.WithMaxDead(1))
	var sv *remediate.Survey
	guest.WaitFor(t, "all are seen to be gone", time.Minute, func() error {
		sv = survey(t, s)
		d, _ := sv.Find(lus[1].WWID())
		if d.Verdict != want {
			return fmt.Errorf("%s", words1(d))
		}
		return nil
	})
	guest.WaitFor(t, "each user is named", 30*time.Second, func() error { // udev may look at one in this very moment
		err := unnamed(sv, lus, kinds, words)
		if err != nil {
			sv = survey(t, s)
		}
		return err
	})
	for i, k := range kinds {
		d, _ := sv.Find(lus[i+2].WWID())
		t.Logf("%s: %v", k.name, d.InUse)
	}
	before := guest.Lsblk(t)
	execute(t, s, plan(t, s, lus[1].WWID()), remediate.Removed)
	if gone := missing(before, guest.Lsblk(t)); strings.Count(gone, "disk") > 2 || strings.Count(gone, "lvm")+strings.Count(gone, "crypt")+strings.Count(gone, "loop") > 0 {
		t.Errorf("more than the idle LU has gone:\n%s", gone)
	}
	pattern.Check(t)

	var freed []string
	for i := range kinds {
		letGo[i]()
		freed = append(freed, lus[i+2].WWID())
	}
	guest.Udev(t)
	execute(t, s, plan(t, s, freed...), remediate.Removed)
	pattern.Check(t)
}

// unnamed says which LUs are not refused for what their holders do with them.
func unnamed(sv *remediate.Survey, lus []guest.Backstore, kinds []holder, words []string) error {
	var errs []error
	for i, k := range kinds {
		d, _ := sv.Find(lus[i+2].WWID())
		if d.Verdict != remediate.StaleInUse || !named(d, k, words[i]) {
			errs = append(errs, fmt.Errorf("%s: want %s %q %q, release %q: %s", k.name, k.kind, k.words, words[i], k.release, words1(d)))
		}
	}
	return errors.Join(errs...)
}

// named reports whether the use is among the device's, with all that a person
// needs to know.
func named(d remediate.Device, k holder, words string) bool {
	return slices.ContainsFunc(d.InUse, func(u remediate.Use) bool {
		said := u.By + " " + u.Detail
		return u.Kind == k.kind && strings.Contains(said, k.words) && strings.Contains(said, words) && strings.HasPrefix(u.Release, k.release)
	})
}

func words1(d remediate.Device) string {
	return words(&remediate.Survey{Devices: []remediate.Device{d}})
}

// missing lists the lines of before that are not in after.
func missing(before, after string) string {
	var out []string
	for line := range strings.Lines(before) {
		if !strings.Contains(after, line) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// Dead maps that are used in every way there is: each stays, its user is named
// with the command that would end the use, and goes once it is let go.
func TestInUseMaps(t *testing.T) { heldMaps(t, mounted) }

// Dead maps with something of the kernel's on them: each stays until that is taken down.
func TestInUseMapsStacked(t *testing.T) { heldMaps(t, stacked) }

// Dead maps that processes have open, wherever these hide: each stays until they let go.
func TestInUseMapsOpened(t *testing.T) { heldMaps(t, slices.Concat(opened, onMaps)) }

// Dead disks without multipath, in use, where no open count tells of anybody.
func TestInUseDisks(t *testing.T) { heldDisks(t, mounted) }

// Dead disks without multipath, with something of the kernel's on them.
func TestInUseDisksStacked(t *testing.T) { heldDisks(t, stacked) }

// Dead disks without multipath that processes have open, wherever these hide.
func TestInUseDisksOpened(t *testing.T) { heldDisks(t, slices.Concat(opened, onDisks)) }

func heldMaps(t *testing.T, kinds []holder) {
	t.Helper()
	g, lus := volumes(t, len(kinds)+2, "127.0.0.1")
	guest.StartMultipathd(t, guest.Conf{FriendlyNames: true})
	guest.WaitMaps(t, len(lus), 1)
	held(t, g, lus, kinds, func(lun int) string { return guest.MapOf(t, g.Disks(t, lun)[0]).Dev() }, remediate.Stale)
}

func heldDisks(t *testing.T, kinds []holder) {
	t.Helper()
	guest.Modprobe(t, "dm-multipath") // without it some versions of multipath refuse to look
	g, lus := volumes(t, len(kinds)+2, "127.0.0.1")
	held(t, g, lus, kinds, func(lun int) string { return "/dev/" + g.Disks(t, lun)[0] }, remediate.OrphanPath)
}
