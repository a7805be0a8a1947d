//go:build lab && linux

package scenario

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/internal/lab/peers"
)

// cell says in a few words what a rule has come to: whether it did right, what
// became of the LU that the situation is about, what it did to others, and
// whether it hung.
func (p *peersHost) cell() (string, bool) {
	p.t.Helper()
	after := p.look()
	outcome := p.outcome(after)
	harm := p.harm(after)
	if p.hung != "" {
		harm = append(harm, "hung in "+p.hung)
	}
	switch {
	case len(harm) > 0:
		return "✗ " + outcome + "; " + strings.Join(harm, "; "), false
	case outcome == p.situation.Ideal:
		return "✓ " + outcome, true
	case outcome == peers.Kept:
		return "– left", false
	}
	return "✗ " + outcome, false
}

// outcome is what became of the subject: its map and its disks.
func (p *peersHost) outcome(after sight) string {
	wwid := p.lus[subjectLUN].WWID()
	m, mapped := after.maps[wwid]
	disks := p.surviving(after, subjectLUN)
	had := p.surviving(p.before, subjectLUN)
	switch {
	case mapped && len(disks) == len(had) && m.DM == p.before.maps[wwid].DM && len(m.Paths) >= len(p.before.maps[wwid].Paths):
		return peers.Kept
	case mapped && len(disks) == 0 && len(had) > 0:
		return "disks deleted under the map, which stays"
	case mapped && len(had) == 0:
		return peers.Kept
	case mapped:
		return fmt.Sprintf("map stays with %d of %d disks", len(disks), len(had))
	case len(disks) > 0:
		return fmt.Sprintf("map removed, %d of %d disks left", len(disks), len(had))
	}
	return peers.Cleared
}

// surviving lists the disks of a LUN that were there before and still are.
func (p *peersHost) surviving(at sight, lun int) []guest.Disk {
	var out []guest.Disk
	for _, d := range p.before.disks {
		same := func(x guest.Disk) bool { return x.Name == d.Name && x.Seq == d.Seq }
		if d.LUN == lun && slices.ContainsFunc(at.disks, same) {
			out = append(out, d)
		}
	}
	return out
}

// harm lists what must not have happened, to whomever.
func (p *peersHost) harm(after sight) []string {
	p.t.Helper()
	var out []string
	for _, lun := range []int{idleLUN, busyLUN} {
		name := map[int]string{idleLUN: "a healthy, unused volume", busyLUN: "a healthy, mounted volume"}[lun]
		wwid := p.lus[lun].WWID()
		switch {
		case len(p.surviving(after, lun)) == 0:
			out = append(out, name+" lost all its disks")
		case after.maps[wwid].DM != p.before.maps[wwid].DM:
			out = append(out, name+" lost its map")
		case len(after.maps[wwid].Paths) < len(p.before.maps[wwid].Paths):
			out = append(out, name+" lost a path")
		}
	}
	for _, b := range append(p.lus, p.newcomer) {
		if sum, kept := p.sums[b.Name]; kept && b.Sum(p.t) != sum {
			out = append(out, b.Name+"'s data was overwritten")
		}
	}
	for lun, f := range p.files {
		if why := p.lost(lun, f); why != "" {
			out = append(out, why)
		}
	}
	for _, i := range guest.DmsetupInfo(p.t) {
		if i.Suspended {
			out = append(out, "a map stays suspended")
		}
	}
	slices.Sort(out)
	return out
}

// lost says what a mounted volume has lost: its mount, or, where the array
// still has it, its data or the right to write.
func (p *peersHost) lost(lun int, f mountedFile) string {
	name := map[int]string{subjectLUN: "it", busyLUN: "the healthy, mounted volume"}[lun]
	if !strings.Contains(guest.Findmnt(p.t), f.dir+" ") {
		return name + " was unmounted"
	}
	if lun == subjectLUN && p.situation.Test != "TestPeersOutage" {
		return ""
	}
	// In a process of its own, which may get stuck.
	got, err := guest.TryFor(limit/9, "dd", "if="+f.dir+"/data", "iflag=direct", "bs=64k", "status=none")
	if err != nil || !bytes.Equal([]byte(got), bytes.TrimSpace(f.content)) {
		return name + " cannot be read any more"
	}
	if _, err := guest.TryFor(limit/9, "dd", "if=/dev/zero", "of="+f.dir+"/more", "bs=4k", "count=1", "conv=fsync", "status=none"); err != nil {
		return name + " cannot be written to any more"
	}
	_ = os.Remove(f.dir + "/more")
	return ""
}
