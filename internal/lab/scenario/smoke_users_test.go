//go:build lab && linux

package scenario

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// smokeArray makes a target with n LUs of 48 MiB on two portals, logs in, and has
// multipathd map them; map i has LUN i.
func smokeArray(t *testing.T, n int, c guest.Conf) (*guest.Target, []guest.Map) {
	t.Helper()
	g := guest.NewTarget(t, "t0")
	for i := range n {
		g.Map(t, i, guest.NewBackstore(t, fmt.Sprintf("b%d", i), 48, fmt.Sprintf("a%d00", i)))
	}
	guest.StartInitiator(t, guest.Patience{}, false)
	g.Login(t, n)
	guest.StartMultipathd(t, c)
	guest.WaitMaps(t, n, 2)
	maps := make([]guest.Map, n)
	for i := range n {
		maps[i] = guest.MapOf(t, g.Disks(t, i)[0])
	}
	return g, maps
}

// Everything that can use a map, one kind each: all of them must show in the
// open count, and let go again.
func TestSmokeUsers(t *testing.T) {
	_, maps := smokeArray(t, 7, guest.Conf{FriendlyNames: true})
	open := func(i, want int) {
		t.Helper()
		guest.WaitFor(t, fmt.Sprintf("map %d is open %d times", i, want), 10*time.Second, func() error {
			if n := guest.OpenCount(t, maps[i].Name); n != want {
				return fmt.Errorf("%d times", n)
			}
			return nil
		})
	}
	guest.Mkfs(t, "ext4", maps[0].Dev())
	dir := guest.Mount(t, maps[0].Dev())
	open(0, 1)
	if !strings.Contains(guest.Findmnt(t), dir+" "+maps[0].Dev()) {
		t.Fatalf("findmnt does not know %s: %s", dir, guest.Findmnt(t))
	}
	guest.Umount(t, dir)
	open(0, 0)
	guest.MountElsewhere(t, maps[0].Dev())
	open(0, 1)
	if strings.Contains(guest.Findmnt(t), maps[0].Dev()) {
		t.Fatalf("the mount elsewhere shows here: %s", guest.Findmnt(t))
	}

	guest.Swapon(t, maps[1].Dev())
	open(1, 1)

	guest.VolumeGroup(t, maps[2].Dev(), "vg", "lv")
	open(2, 1)
	guest.Deactivate(t, "vg")
	open(2, 0)

	part := guest.Partition(t, maps[3])
	open(3, 1)
	release := guest.Hold(t, "/dev/mapper/"+part, true)
	if n := guest.OpenCount(t, part); n != 1 {
		t.Fatalf("%s is open %d times", part, n)
	}
	release()

	guest.Crypt(t, maps[4].Dev(), "secret")
	open(4, 1)

	guest.Losetup(t, maps[5].Dev())
	open(5, 1)

	release = guest.Hold(t, maps[6].Dev(), false)
	open(6, 1)
	release()
	open(6, 0)
	guest.Mkfs(t, "ext4", maps[6].Dev())
	t.Logf("%s\n%s", guest.Lsblk(t), guest.Lsscsi(t))
}

// LUN reuse, a lost portal and a frozen daemon, while a healthy LU is read.
func TestSmokeArray(t *testing.T) {
	g, maps := smokeArray(t, 3, guest.Conf{})
	healthy := guest.WritePattern(t, maps[0].Dev(), 1)
	other := guest.WritePattern(t, maps[2].Dev(), 2)
	canary := guest.StartCanary(t, maps[0].Dev())
	if other.Same(t, maps[0].Dev()) {
		t.Fatal("two LUs hold the same")
	}
	disk := g.Disks(t, 1)[0]
	stranger := guest.NewBackstore(t, "b9", 48, "cc99")
	g.Remap(t, 1, stranger)
	guest.WaitFor(t, disk+" is another LU now", 10*time.Second, func() error {
		if got := guest.SgTurs(t, disk); got != "" {
			return fmt.Errorf("not ready: %s", got)
		}
		if got := guest.SgWWID(t, disk); got != stranger.WWID() {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	})
	if said := guest.SgLUNs(t, disk); !strings.Contains(said, "0001000000000000") {
		t.Fatalf("REPORT LUNS: %s", said)
	}
	g.Unmap(t, 1)
	if said := guest.SgLUNs(t, g.Disks(t, 0)[0]); strings.Contains(said, "0001000000000000") {
		t.Fatalf("REPORT LUNS still lists LUN 1: %s", said)
	}
	g.DropPortal(t, "127.0.0.2")
	g.RestorePortal(t, "127.0.0.2")
	healthy.Check(t)
	other.Check(t)
	canary.Check(t, 3*time.Second)
	if links := guest.ByID(); len(links) == 0 {
		t.Fatal("udev made no links")
	}
}
