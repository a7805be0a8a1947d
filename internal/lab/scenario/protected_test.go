//go:build lab && linux

package scenario

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// attestsAll owns everything, and attests that all of it is detached.
func attestsAll(context.Context, remediate.Subject) (remediate.Claim, error) {
	return remediate.Claim{Owner: remediate.Mine, Detached: true, Source: "the scenario"}, nil
}

// The host's own LUs are lost: /boot, swap, what the kernel's command line says
// it was booted with, and one that the caller names. However dead they are, and
// whatever their owner and the operator's rule say, they stay; a dead LU beside
// them goes.
func TestHostsOwn(t *testing.T) {
	const kept, boot, swap, root, named, idle = 0, 1, 2, 3, 4, 5
	g, lus := volumes(t, 6)
	guest.StartMultipathd(t, guest.Conf{FriendlyNames: true})
	guest.WaitMaps(t, 6, 2)
	var maps []guest.Map
	for lun := range 6 {
		maps = append(maps, guest.MapOf(t, g.Disks(t, lun)[0]))
	}
	guest.MountAt(t, ext4(t, maps[boot].Dev()), "/boot")
	guest.Swapon(t, maps[swap].Dev())
	guest.VolumeGroup(t, maps[root].Dev(), "sys", "root")
	guest.CommandLine(t, "ro root=/dev/mapper/sys-root quiet")
	idleDisks := g.Disks(t, idle)
	pattern := guest.WritePattern(t, maps[kept].Dev(), 5)
	for lun := 1; lun < 6; lun++ {
		g.Unmap(t, lun)
	}
	for lun := 1; lun < 6; lun++ {
		guest.WaitFailed(t, maps[lun])
	}

	opts := []remediate.Option{
		remediate.WithMaxDead(1), remediate.WithOwner(attestsAll), remediate.WithRunbook(), remediate.WithProtected(lus[named].WWID()),
	}
	s := newSweeper(t, opts...)
	sv := survey(t, s)
	for lun, want := range map[int]string{boot: "/boot", swap: "swap", root: "root=/dev/mapper/sys-root", named: lus[named].WWID()} {
		d, _ := sv.Find(lus[lun].WWID())
		if !strings.Contains(d.Protected, want) || d.Removable {
			t.Errorf("LUN %d: protected %q, want %q in it; removable %v", lun, d.Protected, want, d.Removable)
		}
	}
	execute(t, s, plan(t, s, lus[idle].WWID()), remediate.Removed)
	expectGone(t, maps[idle], idleDisks...)
	for lun := boot; lun <= named; lun++ {
		if !strings.Contains(strings.Join(guest.DmsetupLs(t), " "), maps[lun].Name) {
			t.Errorf("%s is gone", maps[lun].Name)
		}
	}

	// Planned by somebody who does not know, and refused by who does.
	unaware := newSweeper(t, opts[:3]...)
	p := plan(t, unaware, lus[named].WWID())
	expectProtected(t, execute(t, s, p, remediate.Refused), lus[named].WWID())

	// The system's LUs stay when nothing uses them at the moment: the command
	// line still says what was booted.
	guest.RemoveVolume(t, "sys-root")
	guest.CommandLine(t, "ro root="+maps[root].Dev())
	d, _ := survey(t, s).Find(lus[root].WWID())
	if d.Protected == "" || d.Verdict != remediate.Stale || d.Removable {
		t.Errorf("root: %s, protected %q, removable %v", d.Verdict, d.Protected, d.Removable)
	}
	guest.CommandLine(t, "ro root=/dev/none")
	p = plan(t, s, lus[root].WWID())
	guest.CommandLine(t, "ro root="+maps[root].Dev())
	expectProtected(t, execute(t, s, p, remediate.Refused), lus[root].WWID())
	expectThere(t, maps[kept], 2)
	pattern.Check(t)
}

func expectProtected(t *testing.T, r *remediate.Report, wwid string) {
	t.Helper()
	var protected *remediate.ProtectedError
	if !errors.As(r.Results[0].Err, &protected) || protected.WWID != wwid || len(r.Results[0].Steps) > 0 {
		t.Errorf("%s: %+v after %v", wwid, r.Results[0].Err, r.Results[0].Steps)
	}
}

// The same from within a container, which has none of the host's mounts: those
// that count are of the host's first process.
func TestHostsOwnInContainer(t *testing.T) {
	g, lus := volumes(t, 3, "127.0.0.1")
	boot, idle := g.Disks(t, 1)[0], g.Disks(t, 2)[0]
	guest.MountAt(t, ext4(t, boot), "/boot/efi")
	g.Unmap(t, 1)
	g.Unmap(t, 2)
	var r guest.Result
	guest.WaitFor(t, "the container's sweep clears what is idle", time.Minute, func() error {
		r = sweptIn(t, guest.Privileged(), "apply", "-yes", "-own", "all", "-dwell", "1s", "-max-dead", "100")
		if strings.Contains(guest.Lsblk(t), idle+" ") {
			return errors.New(r.Stdout + r.Stderr)
		}
		return nil
	})
	if !strings.Contains(guest.Lsblk(t), boot+" ") {
		t.Fatalf("%s, which carries /boot/efi, is gone:\n%s", boot, r.Stdout)
	}
	r = sweptIn(t, guest.Privileged(), "scan", "-json")
	if !strings.Contains(r.Stdout, "it carries the host's /boot/efi") {
		t.Errorf("sweep scan does not say why %s stays:\n%s%s", lus[1].WWID(), r.Stdout, r.Stderr)
	}
}
