package remediate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// group sorts maps and disks into LUs: every multipath map with its paths and
// the disks that claim the same identity without being in it, then every bare
// SCSI disk. What is in the map of another LU is a path of both.
func (sc *scene) group() []*Facts {
	var lus []*Facts
	byWWID := map[string][]*Facts{}
	twice := map[*Facts]string{} // that a LU goes by more than one name
	taken := map[string]bool{}
	for i := range sc.blocks {
		f := sc.mapped(&sc.blocks[i], taken)
		if f == nil {
			continue
		}
		lus = append(lus, f)
		for _, n := range writings(f.WWID) {
			byWWID[n] = append(byWWID[n], f)
		}
	}
	for i := range sc.devices {
		d := &sc.devices[i]
		if !isDisk(d) || d.Block != "" && taken[d.Block] {
			continue
		}
		owners := sc.owners(byWWID, d)
		if len(owners) == 0 {
			f := unmapped(d)
			byWWID[f.WWID] = append(byWWID[f.WWID], f)
			lus, owners = append(lus, f), []*Facts{f}
		}
		for _, other := range owners[1:] {
			sayTwice(twice, owners[0], other)
		}
		owners[0].Paths = append(owners[0].Paths, sc.path(d, false))
	}
	for _, f := range lus {
		f.Names = sc.namesOf(f)
		f.Evidence.Duplicate = or(twice[f], sc.duplicate(f))
	}
	sort.SliceStable(lus, func(i, j int) bool { return lus[i].Map != nil && lus[j].Map == nil })
	return lus
}

// sayTwice notes that two maps are one LU's, by two of its names, as a disk in neither of
// them says: whether the LU is dead cannot be told from one of them.
func sayTwice(twice map[*Facts]string, a, b *Facts) {
	why := a.WWID + " and " + b.WWID + " are two names of one LU"
	twice[a], twice[b] = why, why
}

// namesOf are every WWID that the pages of a LU's own paths allow, but the one that it
// goes by.
func (sc *scene) namesOf(f *Facts) (names []string) {
	for _, p := range f.Paths {
		d := sc.disk[p.Dev]
		if d == nil || p.Foreign != "" {
			continue
		}
		for _, n := range claimed(d) {
			if n != f.WWID && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}

// unmapped is the LU of a disk outside any map. One that does not name itself
// goes by its address.
func unmapped(d *sysfs.SCSIDevice) *Facts {
	names := claimed(d)
	if len(names) == 0 {
		return &Facts{WWID: namelessPrefix + d.HCTL.String()}
	}
	return &Facts{WWID: names[0], Aliases: names[1:]}
}

// namelessPrefix begins what stands for the WWID of a disk that has none.
const namelessPrefix = "unnamed-"

func nameless(wwid string) bool { return strings.HasPrefix(wwid, namelessPrefix) }

// mapped is the LU of a multipath map, nil for any other block device.
func (sc *scene) mapped(b *sysfs.Block, taken map[string]bool) *Facts {
	if b.DM == nil {
		return nil
	}
	wwid, ok := b.DM.Multipath()
	if !ok {
		return nil
	}
	f := &Facts{WWID: wwid, Map: sc.asMap(b)}
	states := sc.pathStates(b.DM)
	for _, slave := range b.Slaves {
		p := Path{Dev: slave, DMState: "undef", CheckState: "undef", InMap: true}
		if d := sc.disk[slave]; d != nil {
			p = sc.path(d, true)
			p.Foreign = foreign(d, wwid)
		}
		taken[slave] = taken[slave] || p.Foreign == ""
		p.DMState, p.CheckState = or(states[p.Devt].dm, "undef"), or(states[p.Devt].check, "undef")
		f.Paths = append(f.Paths, p)
	}
	return f
}

func (sc *scene) asMap(b *sysfs.Block) *Map {
	m := &Map{Name: b.DM.Name, DM: b.Name, Devt: b.Devt, UUID: b.DM.UUID, DiskSeq: b.DiskSeq, Suspended: b.DM.Suspended, OpenCount: -1}
	for _, h := range b.Holders {
		if sc.ownPartition(h, b.DM.UUID) {
			m.Partitions = append(m.Partitions, h)
		}
	}
	if t := sc.table[b.DM.UUID]; t != nil {
		m.Queueing, m.OpenCount = t.Queueing, t.OpenCount
	} else if t := sc.entry[b.DM.Name]; t != nil {
		m.Queueing = t.Queueing()
	}
	return m
}

// ownPartition reports whether the dm device holder is a partition map of the
// map with this uuid.
func (sc *scene) ownPartition(holder, uuid string) bool {
	b := sc.block[holder]
	if b == nil || b.DM == nil {
		return false
	}
	of, ok := b.DM.Partition()
	return ok && of == uuid
}

type pathState struct{ dm, check string }

// pathStates joins what the daemon and the kernel's table say about the paths
// of a map, by device number. The table decides about the path's state.
func (sc *scene) pathStates(dm *sysfs.DM) map[sysfs.DevNum]pathState {
	states := map[sysfs.DevNum]pathState{}
	if m := sc.entry[dm.Name]; m != nil {
		for p := range m.Each {
			if d, err := sysfs.ParseDevNum(p.Devt()); err == nil {
				states[d] = pathState{dm: p.DMState(), check: p.CheckState()}
			}
		}
	}
	if t := sc.table[dm.UUID]; t != nil {
		for _, p := range t.Paths {
			s := states[p.Devt]
			s.dm = "active"
			if p.Failed {
				s.dm = "failed"
			}
			states[p.Devt] = s
		}
	}
	return states
}

func (sc *scene) path(d *sysfs.SCSIDevice, inMap bool) Path {
	p := Path{
		Dev: d.Block, HCTL: d.HCTL, State: d.State, DMState: "undef", CheckState: "undef", InMap: inMap,
		Vendor: d.Vendor, Product: d.Model, Page83: digest(d.VPD83),
	}
	if b := sc.block[d.Block]; b != nil {
		p.Devt, p.DiskSeq = b.Devt, b.DiskSeq
	}
	return p
}

// owners are the LUs that a disk outside any map claims to lead to, by whichever of its
// names: more than one where maps go by several of them.
func (sc *scene) owners(byWWID map[string][]*Facts, d *sysfs.SCSIDevice) (all []*Facts) {
	for _, wwid := range claimed(d) {
		for _, f := range byWWID[wwid] {
			if sc.alike(f, d) && !slices.Contains(all, f) {
				all = append(all, f)
			}
		}
	}
	return all
}

// alike reports whether no cached page 0x83 of the LU's paths contradicts the
// disk's own: weak designators may well be shared by different LUs.
func (sc *scene) alike(f *Facts, d *sysfs.SCSIDevice) bool {
	own, err := scsi.ParseDesignators(d.VPD83)
	if err != nil {
		return true
	}
	for _, p := range f.Paths {
		other := sc.disk[p.Dev]
		if other == nil {
			continue
		}
		ids, err := scsi.ParseDesignators(other.VPD83)
		if same, sure := scsi.SameLU(ids, own); err == nil && sure && !same {
			return false
		}
	}
	return true
}

// claimed lists every WWID that multipath could give a disk, from the pages
// that the kernel cached when it found the disk.
func claimed(d *sysfs.SCSIDevice) []string {
	designators, _ := scsi.ParseDesignators(d.VPD83)
	serial, _ := scsi.ParseSerial(d.VPD80)
	return scsi.WWIDs(designators, d.Vendor, d.Model, serial)
}

// digest is a short name for a page's bytes, "" for none.
func digest(page []byte) string {
	if len(page) == 0 {
		return ""
	}
	sum := sha256.Sum256(page)
	return hex.EncodeToString(sum[:8])
}

func believed(d *sysfs.SCSIDevice) string {
	if c := claimed(d); len(c) > 0 {
		return c[0]
	}
	return ""
}

// refresh reads the devices of the LUs that seem to be dead once more, for what
// stands on them may have changed since they were first read.
func (sc *scene) refresh(ctx context.Context, tree *sysfs.FS, lus []*Facts) {
	var names []string
	for _, f := range lus {
		if !anyAnswer(*f, Gone) && !anyAnswer(*f, Silent) && len(f.Paths) > 0 && anyAnswer(*f, Alive) {
			continue
		}
		if f.Map != nil {
			names = append(append(names, f.Map.DM), f.Map.Partitions...)
		}
		for _, p := range f.Paths {
			names = append(names, p.Dev)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return sc.block[name] == nil })
	now, err := tree.BlocksNamed(ctx, names)
	if err != nil {
		sc.cannotSee("what stands on the dead LUs", err)
	}
	for i := range now {
		if b := &now[i]; b.Devt == sc.block[b.Name].Devt {
			sc.block[b.Name] = b
		}
	}
}

// foreign is the WWID by which the disk's cached pages name it, where they name
// it, and not as wwid; else "". A map that is called by what no page gives (by a udev
// rule, say) tells nothing.
func foreign(d *sysfs.SCSIDevice, wwid string) string {
	c := claimed(d)
	name, err := scsi.ParseName(wwid)
	if err != nil || len(c) == 0 || !inPage(c[0]) || bears(c, wwid) {
		return ""
	}
	if own, _ := scsi.ParseDesignators(d.VPD83); name.In(own) {
		return "" // in another writing
	}
	return c[0]
}

// inPage reports whether a WWID is of a form that pages 0x83 and 0x80 give.
func inPage(wwid string) bool {
	_, err := scsi.ParseName(wwid)
	return err == nil
}

// isDisk reports whether the SCSI device is a disk (type 0) or a zoned one (14h).
func isDisk(d *sysfs.SCSIDevice) bool { return d.Type == 0x00 || d.Type == 0x14 }

// duplicate says why two of a LU's own paths cannot lead to one and the same LU,
// or "".
func (sc *scene) duplicate(f *Facts) string {
	for i, a := range f.Paths {
		for _, b := range f.Paths[:i] {
			x, y := sc.block[a.Dev], sc.block[b.Dev]
			switch {
			case x == nil || y == nil || a.Foreign != "" || b.Foreign != "":
			case a.HCTL.SameTarget(b.HCTL) && a.HCTL != b.HCTL:
				return fmt.Sprintf("%s and %s are two LUNs of one target and claim one identity", b.name(), a.name())
			case x.Size != y.Size && x.Size != 0 && y.Size != 0:
				return fmt.Sprintf("%s and %s claim one identity, but differ in size", b.name(), a.name())
			}
		}
	}
	return ""
}
