package remediate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// systemPoints are where the host's first process has what the host runs from.
var systemPoints = map[string]bool{
	"/": true, "/boot": true, "/boot/efi": true, "/efi": true, "/usr": true, "/etc": true,
	"/var": true, "/var/lib": true, "/var/log": true, "/home": true, "/root": true, "/opt": true,
	"/sysroot": true, "/nix": true, "/nix/store": true,
}

// A guard knows the host's own block devices.
type guard struct {
	why    map[string]string // by kernel name
	unsure string            // why they could not all be told: any may be one then
}

// bootPatience is how long it may take to read what the host was booted from: without
// it no LU is touched, and the rest of a survey still says what there is.
const bootPatience = 2 * time.Second

// readGuard finds what carries the host's own file systems and swap, and what it
// was booted from, down to the disks.
func (sc *scene) readGuard(ctx context.Context, sys *host) guard {
	g := guard{why: map[string]string{}}
	mounts := slices.DeleteFunc(slices.Clone(sc.mounts.List), func(m sysfs.Mount) bool { return m.PID != 1 })
	if len(mounts) == 0 {
		g.unsure = "the mounts of the host's first process could not be read"
	}
	for _, m := range mounts {
		if systemPoints[m.Point] {
			sc.carries(&g, m.Devt, "it carries the host's "+m.Point)
		}
	}
	for _, s := range sc.swaps {
		sc.carries(&g, swapDevice(s, mounts), "it carries the host's swap "+s.Path)
	}
	limited, cancel := context.WithTimeout(ctx, bootPatience)
	defer cancel()
	booted, err := sys.FS.BootDevices(limited)
	if err != nil {
		g.unsure = fmt.Sprintf("what the host was booted from could not be read: %v", err)
	}
	for _, b := range booted {
		sc.carries(&g, b.Devt, "the host was booted with "+b.Arg)
	}
	return g
}

// swapDevice is the device that a swap area is on. That of a file is the device
// of the mount that the file is below.
func swapDevice(s sysfs.Swap, mounts []sysfs.Mount) sysfs.DevNum {
	if s.Type == sysfs.SwapPartition {
		return s.Devt
	}
	var below sysfs.Mount
	for _, m := range mounts {
		point := strings.TrimSuffix(m.Point, "/") + "/"
		if strings.HasPrefix(s.Path, point) && len(m.Point) >= len(below.Point) {
			below = m
		}
	}
	return below.Devt
}

// carries guards the device with a number, and everything that it stands on.
func (sc *scene) carries(g *guard, d sysfs.DevNum, why string) {
	for _, b := range sc.blocks {
		part := slices.ContainsFunc(b.Partitions, func(p sysfs.Partition) bool { return p.Devt == d })
		if d.IsZero() || b.Devt != d && !part || g.why[b.Name] != "" {
			continue
		}
		g.why[b.Name] = why
		for _, below := range b.Slaves {
			if s := sc.block[below]; s != nil {
				sc.carries(g, s.Devt, why)
				continue
			}
			sc.carries(g, sc.partition(below), why)
		}
		for _, l := range sc.loops {
			if l.Name == b.Name {
				sc.carries(g, l.Over, why)
				sc.carries(g, l.On, why)
			}
		}
	}
}

// partition is the number of the kernel's partition with this name.
func (sc *scene) partition(name string) sysfs.DevNum {
	for _, b := range sc.blocks {
		for _, p := range b.Partitions {
			if p.Name == name {
				return p.Devt
			}
		}
	}
	return sysfs.DevNum{}
}

// protects says why a LU must stay whatever else is found, "" where it need not.
func (g guard) protects(f *Facts, named []string) string {
	if i := slices.IndexFunc(named, func(n string) bool {
		return slices.ContainsFunc(f.names(), func(w string) bool { return slices.Contains(writings(w), n) })
	}); i >= 0 {
		return "the caller protects " + named[i]
	}
	var devices []string
	if f.Map != nil {
		devices = append(append(devices, f.Map.DM), f.Map.Partitions...)
	}
	for _, p := range f.Paths {
		devices = append(devices, p.Dev)
	}
	for _, name := range devices {
		if why := g.why[name]; why != "" {
			return why + " (on " + name + ")"
		}
	}
	if g.unsure != "" {
		return "whether it is one of the host's own could not be checked: " + g.unsure
	}
	return ""
}

// protect marks the host's own LUs, and all that goes by the identity of one.
func (s *Sweeper) protect(sc *scene, lus []*Facts) {
	why := map[string]string{}
	for _, f := range lus {
		f.Protected = or(sc.guard.protects(f, s.opt.protected), sc.namedOtherwise(f, s.opt.protected))
		if f.Protected != "" {
			why[f.WWID] = f.Protected
		}
	}
	for _, f := range lus {
		for _, wwid := range f.names() {
			if f.Protected == "" {
				f.Protected = why[wwid]
			}
		}
	}
}

// namedOtherwise says that a LU is protected by another of its names than the one
// that its map goes by, or one whose disk is in its map.
func (sc *scene) namedOtherwise(f *Facts, named []string) string {
	for _, p := range f.Paths {
		d := sc.disk[p.Dev]
		if d == nil {
			continue
		}
		if all := claimed(d); p.Foreign != "" || bears(all, f.WWID) {
			if i := slices.IndexFunc(named, func(n string) bool { return slices.Contains(all, n) }); i >= 0 {
				return "the caller protects " + named[i]
			}
		}
	}
	return ""
}

// bears reports whether a WWID is one of a disk's names, in whichever writing: a map may
// go by ID_WWN, "0x6001405…" (uid_attribute of multipath.conf(5)).
func bears(names []string, wwid string) bool {
	return slices.ContainsFunc(writings(wwid), func(w string) bool { return slices.Contains(names, w) })
}

// writings are a name as it was given, for not every host's are in a form that is
// known, and as multipath prints it.
func writings(wwid string) []string {
	if n, err := scsi.ParseName(wwid); err == nil && n.WWID() != wwid {
		return []string{wwid, n.WWID()}
	}
	return []string{wwid}
}
