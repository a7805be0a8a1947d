package remediate

import (
	"fmt"
	"path"
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
		if p.Foreign != "" {
			continue // they use another LU, from which nothing is taken
		}
		for _, u := range p.Users {
			c.note(u)
		}
	}
	c.unchecked()
	f.InUse, f.Blocked = c.uses, c.blocked
}

// diskUsers lists who uses one path's disk, past the LU's own map.
func (sc *scene) diskUsers(f *Facts, p Path) []Use {
	c := &census{sc: sc, f: f, seen: map[string]bool{}}
	c.diskUsers(p)
	if f.Map == nil || !p.InMap {
		c.claim(p) // a map's open count tells more, and its paths are claimed by it
	}
	c.unchecked()
	return c.uses
}

// unchecked notes every check that could not be made.
func (c *census) unchecked() {
	for _, why := range c.sc.blind {
		c.unknown(why)
	}
}

func (c *census) unknown(why string) {
	c.note(Use{Kind: UseUnknown, By: "could not check", Detail: why})
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
	n := len(m.Partitions) + c.stands(m.Devt, m.DM) + c.opened(m.Devt, m.DM, (*census).stuckOnMap)
	if b := c.sc.block[m.DM]; b != nil {
		n += c.holders(m.DM, b.Holders)
	}
	c.unexplained(m.Name, m.OpenCount, n)
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
	n := c.stands(b.Devt, name) + c.opened(b.Devt, name, (*census).stuckOnMap) + c.holders(name, b.Holders)
	count := -1
	if t := c.sc.part[b.DM.UUID]; t != nil {
		count = t.OpenCount
	}
	c.unexplained(b.DM.Name, count, n)
}

// diskUsers covers a path's own disk node and its partitions. That the map and
// multipathd hold it is no use.
func (c *census) diskUsers(p Path) {
	b := c.sc.block[p.Dev]
	if b == nil {
		return
	}
	c.seen[b.Name] = true
	c.on(b.Name, b.Devt, b.Holders, (*census).checker)
	for _, part := range b.Partitions {
		c.on(part.Name, part.Devt, part.Holders, (*census).checker)
	}
	for _, e := range c.sc.exports {
		switch {
		case e.HCTL != nil && *e.HCTL == p.HCTL:
			c.note(exportUse(e, b.Name))
		case e.HCTL == nil && e.Devt.IsZero() && strings.HasPrefix(e.Path, "/dev/") && (c.f.Map == nil || !p.InMap):
			c.unknown("which device " + e.Name + " exports: " + e.Path + " leads to none any more")
		}
	}
}

// on adds everything that is on one device, where there is no open count to
// compare it with.
func (c *census) on(name string, d sysfs.DevNum, holders []string, excused func(*census, sysfs.Opener) bool) {
	c.stands(d, name)
	c.opened(d, name, excused)
	c.holders(name, holders)
}

// stands adds what the kernel has on a device without a holder that shows in
// sysfs, nor a process: file systems, swap areas, loop devices, exports. It
// returns how many opens of the device that explains.
func (c *census) stands(d sysfs.DevNum, name string) int {
	return c.mounted(d, name) + c.swapped(d, name) + c.looped(d, name) + c.exported(d, name)
}

// mounted adds the mounts of a device, in any namespace. The kernel opens it
// once, however many there are.
func (c *census) mounted(d sysfs.DevNum, name string) int {
	n := 0
	for _, m := range c.sc.mount[d] {
		n = 1
		c.note(Use{
			Kind: UseMount, By: m.Point, Detail: fmt.Sprintf("%s on %s, %s", m.FSType, name, seenBy(m)), PID: m.PID,
			Release: unmount(m, c.sc.namespace),
		})
	}
	return n
}

func seenBy(m sysfs.Mount) string {
	if m.PID == 0 {
		return "in a namespace that no process is in, kept by " + m.Via
	}
	return fmt.Sprintf("seen by process %d", m.PID)
}

func (c *census) swapped(d sysfs.DevNum, name string) int {
	n := 0
	for _, s := range c.sc.swaps {
		switch {
		case s.Devt == d:
			n++
			c.note(Use{Kind: UseSwap, By: s.Path, Detail: "on " + name, Release: "swapoff " + quoted(s.Path)})
		case s.Devt.IsZero() && s.Type == sysfs.SwapPartition:
			c.unknown("which device the swap area " + s.Path + " is on")
		}
	}
	return n
}

// looped adds the loop devices over a device, or over a file on its file
// system, which may be mounted nowhere any more.
func (c *census) looped(d sysfs.DevNum, name string) int {
	n := 0
	for _, l := range c.sc.loops {
		if l.Over == d {
			n++
		}
		if l.Over == d || l.On == d {
			c.above(l.Name, name)
		}
	}
	return n
}

func (c *census) exported(d sysfs.DevNum, name string) int {
	n := 0
	for _, e := range c.sc.exports {
		if e.Devt == d {
			n++
			c.note(exportUse(e, name))
		}
	}
	return n
}

func exportUse(e sysfs.Export, name string) Use {
	return Use{Kind: UseHolder, By: e.Name, Detail: "exports " + name + " to other hosts", Release: withdraw(e)}
}

// opened adds the processes that have the device open or mapped into memory,
// leaves out those that excused says are no users, and returns how many opens it
// found in all.
func (c *census) opened(d sysfs.DevNum, name string, excused func(*census, sysfs.Opener) bool) int {
	n := 0
	open := map[int]bool{}
	for _, o := range c.sc.opens[d] {
		if o.FD >= 0 && !o.Same || o.FD < 0 && !open[o.PID] {
			n++
		}
		open[o.PID] = true
		if !excused(c, o) {
			c.note(openerUse(o, name))
		}
	}
	return n
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
		c.above(h, name)
	}
	return n
}

// above adds a stacked device, and what is on it and on its partitions.
func (c *census) above(h, name string) {
	if c.seen[h] {
		return
	}
	c.seen[h] = true
	b := c.sc.block[h]
	words := holderName(h, b)
	c.note(Use{Kind: UseHolder, By: words, Detail: "on " + name + c.sc.backing(h), Release: releaseOf(h, b)})
	if b == nil {
		return
	}
	c.on(words, b.Devt, b.Holders, (*census).nobody)
	for _, p := range b.Partitions {
		c.on(p.Name, p.Devt, p.Holders, (*census).nobody)
	}
}

// backing says by which file a loop device stands on a device.
func (sc *scene) backing(name string) string {
	for _, l := range sc.loops {
		if l.Name == name {
			return ", by " + l.File
		}
	}
	return ""
}

func (c *census) unexplained(name string, count, explained int) {
	switch {
	case count < 0:
		c.unknown("the open count of " + name + " could not be read")
	case count > explained:
		c.note(Use{Kind: UseOpen, By: fmt.Sprintf("open count %d", count), Detail: fmt.Sprintf("%s: only %d of them explained", name, explained)})
	}
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
		return name + stackKind(name)
	}
	kind := "device-mapper"
	switch {
	case strings.HasPrefix(b.DM.UUID, "LVM-"):
		kind = "LVM"
	case strings.HasPrefix(b.DM.UUID, "mpath-"):
		kind = "multipath"
	case strings.HasPrefix(b.DM.UUID, "CRYPT-LUKS"):
		kind = "LUKS"
	case strings.HasPrefix(b.DM.UUID, "CRYPT-"):
		kind = "dm-crypt"
	}
	return fmt.Sprintf("%s (%s, %s)", b.DM.Name, kind, name)
}

// stackKind says what kind of stacked device it is that has no name but the
// kernel's.
func stackKind(name string) string {
	for _, kind := range []string{"loop", "md", "bcache", "drbd"} {
		if strings.HasPrefix(name, kind) {
			return " (" + kind + ")"
		}
	}
	return ""
}

func openWords(o sysfs.Opener, name string) string {
	how := "open for reading"
	switch {
	case o.FD < 0:
		how = "mapped into its memory"
	case o.Write:
		how = "open for writing"
	}
	if base := path.Base(strings.TrimSuffix(o.Path, " (deleted)")); base != name && o.Path != "" {
		how += " as " + o.Path
	}
	if o.Blocked {
		how += ", blocked in " + or(o.WChan, "D state") + " since " + o.Since.UTC().Format(time.RFC3339)
	}
	return name + " " + how
}
