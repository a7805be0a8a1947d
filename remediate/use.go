package remediate

import (
	"fmt"
	"strings"
	"time"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A census finds who uses one LU.
type census struct {
	sc      *scene
	f       *Facts
	uses    []Use
	blocked []Use
	seen    map[string]bool // block devices visited: holders may form a cycle
}

// users fills in who uses the LU, on the map, its partitions, its paths, and
// on whatever is stacked on any of them.
func (sc *scene) users(f *Facts) {
	c := &census{sc: sc, f: f, uses: []Use{}, blocked: []Use{}, seen: map[string]bool{}}
	if f.Map != nil {
		c.mapUsers()
	}
	for i := range f.Paths {
		p := &f.Paths[i]
		p.Users = sc.diskUsers(f, *p)
		for _, u := range p.Users {
			c.note(u)
		}
	}
	if n := len(sc.mounts.Pinned); f.Map == nil && n > 0 { // a map's open count would tell
		c.add(UseUnknown, "could not check", plural(n, "mount namespace", "mount namespaces")+" without any process", 0)
	}
	c.unchecked()
	f.InUse, f.Blocked = c.uses, c.blocked
}

// diskUsers lists who uses one path's disk, past the LU's own map.
func (sc *scene) diskUsers(f *Facts, p Path) []Use {
	c := &census{sc: sc, f: f, seen: map[string]bool{}}
	c.diskUsers(p)
	c.unchecked()
	return c.uses
}

// unchecked notes every check that could not be made.
func (c *census) unchecked() {
	for _, why := range c.sc.blind {
		c.add(UseUnknown, "could not check", why, 0)
	}
}

// usersOf lists the users that stand against removing what a plan would remove
// of a device: anybody's use of the LU, but where the LU lives on through other
// paths, only that of the disks that lead nowhere.
func usersOf(d Device) []Use {
	if !keeps(d) {
		return d.InUse
	}
	var out []Use
	for _, p := range d.Paths {
		if lost(p) {
			out = append(out, p.Users...)
		}
	}
	return out
}

// mapUsers covers the map, its partition maps, and what stands on either.
func (c *census) mapUsers() {
	m := c.f.Map
	if t := c.sc.table[m.UUID]; t != nil {
		m.OpenCount, m.Queueing = t.OpenCount, t.Queueing // as they are now: it is not the first look
	}
	c.seen[m.DM] = true
	c.mounted(m.Devt, m.DM)
	c.backing(m.DM)
	opens := c.opened(m.Devt, m.DM, (*census).stuckOnMap)
	holders := 0
	if b := c.sc.block[m.DM]; b != nil {
		holders = c.holders(m.DM, b.Holders)
	}
	c.unexplained(m.Name, m.OpenCount, len(m.Partitions)+opens+holders)
	for _, name := range m.Partitions {
		c.partitionUsers(name)
	}
}

func (c *census) partitionUsers(name string) {
	b := c.sc.block[name]
	if b == nil || b.DM == nil {
		return // it went in this very moment
	}
	c.seen[name] = true
	c.mounted(b.Devt, name)
	opens := c.opened(b.Devt, name, (*census).stuckOnMap)
	holders := c.holders(name, b.Holders)
	count := -1
	if t := c.sc.part[b.DM.UUID]; t != nil {
		count = t.OpenCount
	}
	c.unexplained(b.DM.Name, count, opens+holders)
}

// diskUsers covers a path's own disk node and its partitions. That the map and
// multipathd hold it is no use.
func (c *census) diskUsers(p Path) {
	b := c.sc.block[p.Dev]
	if b == nil {
		return
	}
	c.seen[b.Name] = true
	c.mounted(b.Devt, b.Name)
	c.backing(b.Name)
	c.opened(b.Devt, b.Name, (*census).checker)
	c.holders(b.Name, b.Holders)
	for _, part := range b.Partitions {
		c.mounted(part.Devt, part.Name)
		c.opened(part.Devt, part.Name, (*census).checker)
		c.holders(part.Name, part.Holders)
	}
}

// mounted adds the mounts, in any namespace, and the swap areas on a device.
func (c *census) mounted(d sysfs.DevNum, name string) {
	for _, m := range c.sc.mount[d] {
		c.add(UseMount, m.Point, fmt.Sprintf("%s on %s, seen by process %d", m.FSType, name, m.PID), m.PID)
	}
	for _, s := range c.sc.swaps {
		switch {
		case s.Devt == d:
			c.add(UseSwap, s.Path, "on "+name, 0)
		case s.Devt.IsZero() && s.Type == sysfs.SwapPartition:
			c.add(UseUnknown, "could not check", "which device the swap area "+s.Path+" is on", 0)
		}
	}
}

// backing adds the loop devices over a device: they hold it open from within
// the kernel, where neither a holder nor a process shows.
func (c *census) backing(name string) {
	for _, b := range c.sc.loops {
		if c.sc.kernelName(b.BackingFile) == name {
			c.add(UseHolder, b.Name+" (loop)", "on "+name, 0)
			c.mounted(b.Devt, b.Name)
		}
	}
}

// kernelName is the kernel's name for a device node, "" where it is none.
func (sc *scene) kernelName(node string) string {
	name, ok := strings.CutPrefix(node, "/dev/mapper/")
	if ok {
		return sc.named[name]
	}
	name, _ = strings.CutPrefix(node, "/dev/")
	if sc.block[name] == nil {
		return ""
	}
	return name
}

// opened adds the processes that have the device open, leaves out those that
// excused says are no users, and returns how many it found in all.
func (c *census) opened(d sysfs.DevNum, name string, excused func(*census, sysfs.Opener) bool) int {
	for _, o := range c.sc.opens[d] {
		if !excused(c, o) {
			c.note(openerUse(o, name))
		}
	}
	return len(c.sc.opens[d])
}

// stuckOnMap excuses a reader that waits for I/O on the dead map itself: it is
// a casualty and is noted as one.
func (c *census) stuckOnMap(o sysfs.Opener) bool {
	ours := o.PID == c.sc.self && c.f.Read == blockprobe.Hung // our own read, parked
	waits := c.f.Map.Queueing && usable(c.f) == 0
	if o.Write || !o.Blocked || !ours && !waits {
		return false
	}
	c.blocked = append(c.blocked, openerUse(o, c.f.Map.DM))
	return true
}

func openerUse(o sysfs.Opener, name string) Use {
	return Use{
		Kind: UseProcess, By: fmt.Sprintf("%s (pid %d)", o.Comm, o.PID), PID: o.PID,
		Detail: openWords(o, name), Write: o.Write,
	}
}

// checker excuses multipathd's path checker, which holds every path open for
// reading, multipath, which does while it runs, and this process itself.
func (c *census) checker(o sysfs.Opener) bool {
	return !o.Write && (o.Comm == "multipathd" || o.Comm == "multipath" || o.PID == c.sc.self)
}

func (c *census) nobody(sysfs.Opener) bool { return false }

// holders adds the block devices stacked on a device, with what stands on them
// in turn, and returns how many there are, the LU's own maps left out.
func (c *census) holders(name string, holders []string) int {
	n := 0
	for _, h := range holders {
		b := c.sc.block[h]
		if b != nil && c.f.Map != nil && (h == c.f.Map.DM || c.sc.ownPartition(h, c.f.Map.UUID)) {
			continue
		}
		n++
		if c.seen[h] {
			continue
		}
		c.seen[h] = true
		c.note(Use{Kind: UseHolder, By: holderName(h, b), Detail: "on " + name, Release: releaseOf(h, b)})
		if b != nil {
			c.mounted(b.Devt, holderName(h, b))
			c.opened(b.Devt, holderName(h, b), (*census).nobody)
			c.holders(holderName(h, b), b.Holders)
		}
	}
	return n
}

func (c *census) unexplained(name string, count, explained int) {
	switch {
	case count < 0:
		c.add(UseUnknown, "could not check", "the open count of "+name+" could not be read", 0)
	case count > explained && !c.hasUse(UseMount, UseSwap):
		c.add(UseOpen, fmt.Sprintf("open count %d", count), fmt.Sprintf("%s: only %d of them explained", name, explained), 0)
	}
}

func (c *census) hasUse(kinds ...UseKind) bool {
	for _, u := range c.uses {
		for _, k := range kinds {
			if u.Kind == k {
				return true
			}
		}
	}
	return false
}

func (c *census) add(kind UseKind, by, detail string, pid int) {
	c.note(Use{Kind: kind, By: by, Detail: detail, PID: pid})
}

// note adds a use once: a mount is seen from every namespace that has it, and a
// process may have a device open twice.
func (c *census) note(u Use) {
	for i, v := range c.uses {
		if v.Kind == u.Kind && v.By == u.By && (u.Kind != UseUnknown || v.Detail == u.Detail) {
			c.uses[i].Write = v.Write || u.Write
			return
		}
	}
	c.uses = append(c.uses, u)
}

// usable counts the paths that could still carry I/O: neither failed in the
// map nor known to be gone or silent.
func usable(f *Facts) int {
	n := 0
	for _, p := range f.Paths {
		if p.InMap && p.DMState != "failed" && p.Answer != Gone && p.Answer != Silent {
			n++
		}
	}
	return n
}

func holderName(name string, b *sysfs.Block) string {
	if b == nil || b.DM == nil || b.DM.Name == "" {
		return name
	}
	kind := "device-mapper"
	switch {
	case strings.HasPrefix(b.DM.UUID, "LVM-"):
		kind = "LVM"
	case strings.HasPrefix(b.DM.UUID, "CRYPT-LUKS"):
		kind = "LUKS"
	case strings.HasPrefix(b.DM.UUID, "CRYPT-"):
		kind = "dm-crypt"
	}
	return fmt.Sprintf("%s (%s, %s)", b.DM.Name, kind, name)
}

func openWords(o sysfs.Opener, name string) string {
	how := "open for reading"
	if o.Write {
		how = "open for writing"
	}
	if o.Blocked {
		how += ", blocked in " + or(o.WChan, "D state") + " since " + o.Since.UTC().Format(time.RFC3339)
	}
	return name + " " + how
}
