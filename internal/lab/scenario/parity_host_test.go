//go:build lab && linux

package scenario

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/internal/lab/parity"
	"github.com/lunsweep/lunsweep/remediate"
)

// real is the guest as a [parity.Host].
type real struct {
	t      *testing.T
	daemon *guest.Multipathd
	debug  *guest.Debug // nil where there are targets
	sides  [2]*guest.Target
	all    map[string]*realVolume
}

// A realVolume is what was found of a volume when all was well.
type realVolume struct {
	parity.Volume
	lus     [2]guest.Backstore
	m       guest.Map
	disks   [2]string
	readers []*guest.Reader
	letGo   func()
	mounted string
}

// newReal has the volumes of a scenario, each with a map of two paths but for
// the bare ones, and for twins, of which multipathd takes the first.
func newReal(t *testing.T, s parity.Scenario) *real {
	h := &real{t: t, all: map[string]*realVolume{}}
	if s.Debug {
		h.debug = guest.ScsiDebug(t, 2, len(s.Volumes))
		for i, v := range s.Volumes {
			h.all[v.Name] = &realVolume{Volume: v, disks: [2]string(h.debug.Disks(t, i))}
		}
	} else {
		h.attach(s.Volumes)
	}
	h.daemon = guest.StartMultipathd(t, h.conf())
	maps := 0
	for _, x := range h.all {
		if !x.Bare && !x.Twin {
			maps++
		}
	}
	guest.WaitMaps(t, maps, 2)
	for _, x := range h.all {
		if x.Twin {
			h.attachTwins(x)
		}
		if !x.Bare {
			x.m = h.mapOf(x)
		}
	}
	guest.Udev(t)
	return h
}

// conf is what multipath is told of the volumes.
func (h *real) conf() guest.Conf {
	c := guest.Conf{NoPathRetry: "fail", FriendlyNames: true}
	for _, x := range h.all {
		wwid := x.lus[parity.A].WWID()
		switch {
		case x.Queue:
			c.Extra = append(c.Extra, fmt.Sprintf("multipaths {\nmultipath {\nwwid %s\nno_path_retry queue\n}\n}", wwid))
		case x.Bare:
			c.Extra = append(c.Extra, fmt.Sprintf("blacklist {\nwwid %s\n}", wwid))
		}
	}
	return c
}

// attach makes the targets and LUs, and logs in.
func (h *real) attach(volumes []parity.Volume) {
	h.sides = [2]*guest.Target{guest.NewTarget(h.t, "a", portal1), guest.NewTarget(h.t, "b", portal2)}
	there := 0
	for i, v := range volumes {
		b := guest.NewBackstore(h.t, v.Name, 16, fmt.Sprintf("ab%02d", i))
		x := &realVolume{Volume: v, lus: [2]guest.Backstore{b, b}}
		h.all[v.Name] = x
		if v.Twin {
			x.lus[parity.B] = guest.NewBackstore(h.t, v.Name+"-twin", 32, b.Serial)
			continue
		}
		there++
		for side, g := range h.sides {
			g.Map(h.t, v.LUN, x.lus[side])
		}
	}
	guest.StartInitiator(h.t, guest.Patience{}, false)
	for side, g := range h.sides {
		g.Login(h.t, there)
		for _, x := range h.all {
			if !x.Twin {
				x.disks[side] = g.Disks(h.t, x.LUN)[0]
			}
		}
	}
}

// attachTwins maps two LUs with one WWID, one after the other.
func (h *real) attachTwins(x *realVolume) {
	for side, g := range h.sides {
		g.Map(h.t, x.LUN, x.lus[side])
		g.Rescan(h.t)
		guest.WaitFor(h.t, "one more map, over one of them at least", time.Minute, func() error {
			if n := len(guest.Maps()); n != len(h.all) {
				return fmt.Errorf("%+v", guest.Maps())
			}
			return nil
		})
		guest.Udev(h.t)
		x.disks[side] = g.Disks(h.t, x.LUN)[0]
	}
}

// mapOf is the map over a volume.
func (h *real) mapOf(x *realVolume) guest.Map {
	for _, m := range guest.Maps() {
		if slices.Contains(m.Paths, x.disks[parity.A]) || slices.Contains(m.Paths, x.disks[parity.B]) {
			return m
		}
	}
	h.t.Fatalf("%s has no map: %+v", x.Name, guest.Maps())
	return guest.Map{}
}

func sidesOr(sides []parity.Side) []parity.Side {
	if len(sides) == 0 {
		return parity.Sides()
	}
	return sides
}

func (h *real) WWID(volume string) string {
	x := h.all[volume]
	if x.Bare {
		return x.lus[parity.A].WWID()
	}
	return x.m.WWID
}

func (h *real) Sweeper(opts ...remediate.Option) *remediate.Sweeper {
	return newSweeper(h.t, opts...)
}

func (h *real) Watch(clear func() (*remediate.Report, error)) (*remediate.Report, error) {
	return reported(h.t, clear)
}

func (h *real) Aside(do func()) { guest.Aside(do) }

func (h *real) Remains(volume string) parity.Remains {
	x := h.all[volume]
	r := parity.Remains{}
	for _, d := range x.disks {
		if slices.Contains(guest.Ls("/sys/block"), d) {
			r.Disks++
		}
	}
	for _, i := range guest.DmsetupInfo(h.t) {
		if i.UUID == "mpath-"+x.m.WWID {
			r.Map, r.Queueing = true, guest.Queueing(h.t, i.Name)
		}
	}
	for _, reader := range x.readers {
		if !reader.Ended() {
			r.Readers++
		}
	}
	return r
}

func (h *real) Unmap(volume string, from ...parity.Side) {
	x := h.all[volume]
	if h.debug != nil {
		h.debug.VanishLUNs(h.t, x.LUN-1)
		guest.WaitFailed(h.t, x.m)
		return
	}
	var lost []string
	for _, side := range sidesOr(from) {
		if _, err := os.Stat(h.sides[side].LUN(x.LUN)); err == nil {
			h.sides[side].Unmap(h.t, x.LUN)
			lost = append(lost, x.disks[side])
		}
	}
	if x.LUN != 0 && !x.Bare { // LIO has a virtual LU at LUN 0, on which no path fails
		h.waitPaths(x, true, lost)
	}
}

// waitPaths waits until the kernel has, or has not, failed those of the disks
// that are in the volume's map.
func (h *real) waitPaths(x *realVolume, failed bool, disks []string) {
	devts := map[string]bool{}
	for _, d := range disks {
		if slices.Contains(guest.Ls("/sys/block"), d) {
			devts[guest.Devt(h.t, d)] = true
		}
	}
	guest.WaitFor(h.t, fmt.Sprintf("paths %v of %s: failed=%v", disks, x.m.Name, failed), time.Minute, func() error {
		status := guest.DmsetupStatus(h.t, x.m.Name)
		for _, p := range status.Paths {
			if devts[p.Devt] && p.Failed != failed {
				return errors.New(status.Text)
			}
		}
		return nil
	})
}

func (h *real) Restore(volume string) {
	x := h.all[volume]
	for side, g := range h.sides {
		g.Map(h.t, x.LUN, x.lus[side])
	}
	h.waitPaths(x, false, x.disks[:])
}

func (h *real) Remap(volume string, on ...parity.Side) {
	x := h.all[volume]
	other := guest.NewBackstore(h.t, "other", 16, "cd99")
	for _, side := range sidesOr(on) {
		h.sides[side].Remap(h.t, x.LUN, other)
	}
	time.Sleep(4 * time.Second) // multipathd's checkers come round
}

func (h *real) Cut(sides ...parity.Side) {
	for _, side := range sides {
		guest.Cut(h.t, h.sides[side].Portals[0])
	}
	for _, side := range sides {
		guest.WaitFor(h.t, "the session is down", time.Minute, func() error {
			if s := h.sides[side].Sessions()[0]; s.State == "LOGGED_IN" {
				return errors.New(s.State)
			}
			return nil
		})
		for _, x := range h.all {
			guest.WaitFor(h.t, x.disks[side]+" is given up", time.Minute, func() error {
				if got := guest.Read(h.t, "/sys/block/"+x.disks[side]+"/device/state"); got != "transport-offline" {
					return errors.New(got)
				}
				return nil
			})
			h.waitPaths(x, true, x.disks[side:side+1])
		}
	}
}

func (h *real) Mend(sides ...parity.Side) {
	for _, side := range sides {
		guest.Mend(h.t, h.sides[side].Portals[0])
	}
	for _, side := range sides {
		h.sides[side].WaitSessions(h.t, "LOGGED_IN", time.Minute)
		for _, x := range h.all {
			h.waitPaths(x, false, x.disks[side:side+1])
		}
	}
}

func (h *real) Mount(volume string) {
	x := h.all[volume]
	guest.Mkfs(h.t, "ext4", x.m.Dev())
	x.mounted = guest.MountReadOnly(h.t, x.m.Dev())
}

func (h *real) Unmount(volume string) {
	x := h.all[volume]
	guest.Umount(h.t, x.mounted)
	h.waitClosed(x)
}

func (h *real) Stack(volume string) {
	guest.VolumeGroup(h.t, h.all[volume].m.Dev(), "vg-"+volume, "data")
	h.t.Cleanup(func() { _, _ = guest.Try("dmsetup", "remove", "--force", "vg--"+volume+"-data") })
}

func (h *real) Partition(volume string) { guest.Partition(h.t, h.all[volume].m) }

func (h *real) Suspend(volume string) {
	guest.Run(h.t, "dmsetup", "suspend", "--noflush", h.all[volume].m.Name)
}

func (h *real) Resume(volume string) { guest.Run(h.t, "dmsetup", "resume", h.all[volume].m.Name) }

func (h *real) Hold(volume string) {
	x := h.all[volume]
	_, x.letGo = guest.Holder(h.t, "open", x.m.Dev())
}

func (h *real) LetGo(volume string) {
	x := h.all[volume]
	x.letGo()
	guest.Udev(h.t)
	h.waitClosed(x)
}

func (h *real) waitClosed(x *realVolume) {
	guest.WaitFor(h.t, x.m.Name+" is closed", 30*time.Second, func() error {
		if n := guest.OpenCount(h.t, x.m.Name); n != 0 {
			return fmt.Errorf("open count %d", n)
		}
		return nil
	})
}

func (h *real) Read(volume string) {
	x := h.all[volume]
	x.readers = append(x.readers, guest.StuckReader(h.t, x.m.Dev()))
}

func (h *real) DeleteDisks(volume string) {
	x := h.all[volume]
	for _, disk := range x.disks {
		guest.Write(h.t, "/sys/block/"+disk+"/device/delete", "1")
	}
	waitForgotten(h.t, x.disks[:])
	time.Sleep(time.Second)
}

func (h *real) Empty(volume string) {
	x := h.all[volume]
	emptied(h.t, h.daemon, x.m, x.disks[:])
}

func (h *real) SlowDelete(volume string) {
	swallowed(h.t, h.debug, time.Minute, h.all[volume].disks[parity.A])
}

func (h *real) HurryDelete(volume string) {
	disk := h.all[volume].disks[parity.A]
	guest.WaitFor(h.t, "the delete ends", 100*time.Second, func() error {
		if list := deletes(); len(list) > 0 || slices.Contains(guest.Ls("/sys/block"), disk) {
			return fmt.Errorf("%v, %v", list, guest.Ls("/sys/block"))
		}
		return nil
	})
}
