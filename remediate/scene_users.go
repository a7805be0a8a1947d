package remediate

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/sysfs"
)

// readUsers reads who uses which block device, and which are the host's own.
func (sc *scene) readUsers(ctx context.Context, sys *host) {
	sc.blind = nil
	sc.unmapped, sc.claims = nil, map[string]claim{}
	sc.self = sys.FS.Self()
	if all, err := sys.FS.SeesAllProcesses(); err != nil {
		sc.cannotSee("which processes there are", err)
	} else if !all {
		sc.cannotSee("the host's processes", errOwnProcesses)
	}
	var err error
	if sc.swaps, err = sys.Swaps(ctx); err != nil {
		sc.cannotSee("the swap areas", err)
	}
	if sc.loops, err = sys.Backings(ctx); err != nil {
		sc.cannotSee("the loop devices", err)
	}
	if sc.exports, err = sys.Exports(ctx); err != nil {
		sc.cannotSee("the exports of the kernel's storage targets", err)
	}
	if sc.openers, err = sys.Openers(ctx); err != nil {
		sc.cannotSee("the open files", err)
	}
	sc.blindTo("the open files", sc.openers.Blind)
	sc.readMounts(ctx, sys)
	sc.indexUsers()
	sc.guard = sc.readGuard(sys)
}

// readMounts reads the mounts of every namespace: those that processes are in,
// that mounts keep, and that open files keep.
func (sc *scene) readMounts(ctx context.Context, sys *host) {
	var err error
	if sc.mounts, err = sys.Mounts(ctx); err != nil {
		sc.cannotSee("the mounts", err)
	}
	known := map[uint64]bool{}
	for _, m := range sc.mounts.List {
		known[m.NS] = true
		if m.PID == 1 {
			sc.namespace = m.NS
		}
	}
	var rest []sysfs.Namespace
	for _, n := range sc.openers.Namespaces {
		if !known[n.ID] {
			rest = append(rest, n)
		}
	}
	if len(rest) > 0 {
		more, err := sys.FS.MountsIn(ctx, rest)
		if err != nil {
			sc.cannotSee("the mounts of namespaces without any process", err)
		}
		sc.mounts.List = append(sc.mounts.List, more.List...)
		sc.mounts.Pinned = append(sc.mounts.Pinned, more.Pinned...)
	}
	sc.blindTo("the mounts", sc.mounts.Blind)
}

func (sc *scene) indexUsers() {
	sc.mount = make(map[sysfs.DevNum][]sysfs.Mount)
	for _, m := range sc.mounts.List {
		sc.mount[m.Devt] = append(sc.mount[m.Devt], m)
	}
	sc.opens = make(map[sysfs.DevNum][]sysfs.Opener)
	for _, o := range sc.openers.List {
		sc.opens[o.Devt] = append(sc.opens[o.Devt], o)
	}
}

// blindTo notes the processes that could not be looked at: those that may not be,
// and, with the reason of the first, those that did not answer or not sensibly.
func (sc *scene) blindTo(what string, blind []sysfs.Blind) {
	hidden := func(b sysfs.Blind) bool { return notAllowed(b.Err) }
	rest := slices.DeleteFunc(slices.Clone(blind), hidden)
	if n := len(blind) - len(rest); n > 0 {
		sc.cannotSee(fmt.Sprintf("%s of %s", what, plural(n, "process", "processes")), errNotAllowed)
	}
	if n := len(rest); n > 0 {
		sc.cannotSee(fmt.Sprintf("%s of %s", what, plural(n, "process", "processes")), rest[0].Err)
	}
}

// A claim is what came of asking the kernel whether somebody holds a disk, or
// one of its partitions, exclusively.
type claim struct {
	held bool
	err  error
}

// lookCloser looks for users of disks that seem to be dead where they hide from
// every list: mappings, by which a process keeps a disk without a file
// descriptor, and exclusive claims, by which the kernel does without a holder.
// A disk in a map is claimed by it, and is left out.
func (sc *scene) lookCloser(ctx context.Context, sys *host, disks []string) {
	mapped, err := sys.Mappings(ctx)
	for _, o := range mapped.List {
		sc.opens[o.Devt] = append(sc.opens[o.Devt], o)
	}
	if err != nil {
		sc.unmapped = append(sc.unmapped, fmt.Sprintf("what processes have mapped into memory could not be read: %v", err))
	}
	if n := len(mapped.Blind); n > 0 {
		sc.unmapped = append(sc.unmapped, fmt.Sprintf("what %s mapped into memory could not be read: %v", plural(n, "process has", "processes have"), mapped.Blind[0].Err))
	}
	for _, name := range disks {
		b := sc.block[name]
		if b == nil {
			continue
		}
		held, err := sys.Reader.Claimed(ctx, blockprobe.Target{
			Node: sys.FS.Path("dev", name), Key: fmt.Sprintf("%s#%d", b.Devt, b.DiskSeq), Usable: -1,
		})
		if errors.Is(err, fs.ErrNotExist) && !there(ctx, sys, name) {
			continue // it has gone, and whoever held it with it
		}
		sc.claims[name] = claim{held, err}
	}
}

// there reports whether there is a block device of this name (again), or may be.
func there(ctx context.Context, sys *host, name string) bool {
	_, err := sys.FS.Block(ctx, name)
	return !errors.Is(err, fs.ErrNotExist)
}

// claim adds what only the kernel's own answer tells of a disk outside any map:
// that somebody holds it, or that nothing could be learnt. An answer covers what
// is mounted in namespaces that could not be looked into, for a file system
// claims its device.
func (c *census) claim(p Path) {
	for _, why := range c.sc.unmapped {
		c.unknown(why)
	}
	got, asked := c.sc.claims[p.Dev]
	switch n := len(c.sc.mounts.Pinned); {
	case asked && got.err != nil:
		c.unknown(fmt.Sprintf("whether %s is held exclusively: %v", p.Dev, got.err))
	case asked && got.held && !c.explainsClaim():
		c.note(Use{Kind: UseOpen, By: "an exclusive claim", Detail: p.Dev + ": held from within the kernel, by none of what is known to stand on it"})
	case !asked && n > 0:
		c.unknown(plural(n, "mount namespace", "mount namespaces") + " without any process")
	}
}

// explainsClaim reports whether a use was found that claims its device.
func (c *census) explainsClaim() bool {
	for _, u := range c.uses {
		if u.Kind == UseMount || u.Kind == UseSwap || u.Kind == UseHolder {
			return true
		}
	}
	return false
}
