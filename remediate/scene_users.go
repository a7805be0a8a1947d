package remediate

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A usage is who uses which block device, as one look finds it.
type usage struct {
	mounts  sysfs.Mounts
	swaps   []sysfs.Swap
	loops   []sysfs.Loop
	looping []sysfs.Block // those loop devices, and what stands on them
	exports []sysfs.Export
	openers sysfs.Openers

	closer   bool          // mappings were looked for, too
	mappings sysfs.Openers // mapped into memory
	unmapped error         // why mappings may have been missed

	self      int    // our process id, as the host's /proc has it
	namespace uint64 // the mount namespace of the host's first process

	unseen []Gap // what could not be read
}

// readUsers reads who uses which block device, and which are the host's own.
// Of LUs that are known to be dead it takes a closer look, for lookCloser.
func (sc *scene) readUsers(ctx context.Context, sys *host, closer bool) {
	sc.blind, sc.unsure, sc.claims = nil, nil, map[string]claim{}
	looks := &sys.usages
	if closer {
		looks = &sys.closer
	}
	u, err := looks.get(ctx, func(ctx context.Context) (usage, error) { return sys.usage(ctx, closer) })
	if err != nil {
		u = usage{unseen: []Gap{{What: "who uses the block devices", Err: err}}}
	}
	sc.usage = u
	sc.addLooping()
	for _, g := range u.unseen {
		sc.cannotSee(g.What, g.Err)
	}
	sc.indexUsers()
	sc.guard = sc.readGuard(ctx, sys)
}

// usage reads it all, one after the other: the host has other things to do, and a
// process that cannot be looked at within its time counts as a user of anything.
func (h *host) usage(ctx context.Context, closer bool) (usage, error) {
	u := usage{self: h.FS.Self(ctx), closer: closer}
	if all, err := h.FS.SeesAllProcesses(ctx); err != nil {
		u.cannotSee("which processes there are", err)
	} else if !all {
		u.cannotSee("the host's processes", errOwnProcesses)
	}
	var err error
	u.swaps, err = h.FS.Swaps(ctx)
	u.cannotSee("the swap areas", err)
	u.loops, err = h.FS.Backings(ctx)
	u.cannotSee("the loop devices", err)
	u.looping, err = h.above(ctx, loopNames(u.loops))
	u.cannotSee("what stands on the loop devices", err)
	u.exports, err = h.FS.Exports(ctx)
	u.cannotSee("the exports of the kernel's storage targets", err)
	u.openers, err = h.FS.Openers(ctx, nil)
	u.cannotSee("the open files", err)
	u.blindTo("the open files", u.openers.Blind)
	u.mounts, err = h.FS.Mounts(ctx)
	u.cannotSee("the mounts", err)
	h.readHidden(ctx, &u)
	u.blindTo("the mounts", u.mounts.Blind)
	if closer {
		u.mappings, u.unmapped = h.FS.Mappings(ctx, nil)
	}
	return u, ctx.Err()
}

// addLooping adds what a scene of some devices alone does not have: all that can use
// them from within the kernel, past a file on them.
func (sc *scene) addLooping() {
	sc.blocks = slices.Clip(sc.blocks) // others may see it
	for i := range sc.looping {
		if b := &sc.looping[i]; sc.block[b.Name] == nil {
			sc.blocks, sc.block[b.Name] = append(sc.blocks, *b), b
		}
	}
}

func loopNames(loops []sysfs.Loop) []string {
	names := make([]string, len(loops))
	for i, l := range loops {
		names[i] = l.Name
	}
	return names
}

func (u *usage) cannotSee(what string, err error) {
	if err != nil {
		u.unseen = append(u.unseen, Gap{What: what, Err: err})
	}
}

// blindTo notes the processes that could not be looked at: those that may not be,
// and, with the reason of the first, those that did not answer or not sensibly.
func (u *usage) blindTo(what string, blind []sysfs.Blind) {
	hidden := func(b sysfs.Blind) bool { return notAllowed(b.Err) }
	rest := slices.DeleteFunc(slices.Clone(blind), hidden)
	if n := len(blind) - len(rest); n > 0 {
		u.cannotSee(fmt.Sprintf("%s of %s", what, plural(n, "process", "processes")), errNotAllowed)
	}
	if n := len(rest); n > 0 {
		u.cannotSee(fmt.Sprintf("%s of %s", what, plural(n, "process", "processes")), rest[0].Err)
	}
}

// readHidden adds the mounts of namespaces that no process is in, but that open
// files keep.
func (h *host) readHidden(ctx context.Context, u *usage) {
	known := map[uint64]bool{}
	for _, m := range u.mounts.List {
		known[m.NS] = true
		if m.PID == 1 {
			u.namespace = m.NS
		}
	}
	rest := slices.DeleteFunc(slices.Clone(u.openers.Namespaces), func(n sysfs.Namespace) bool { return known[n.ID] })
	if len(rest) == 0 {
		return
	}
	more, err := h.FS.MountsIn(ctx, rest)
	u.cannotSee("the mounts of namespaces without any process", err)
	u.mounts.List = append(u.mounts.List, more.List...)
	u.mounts.Pinned = append(u.mounts.Pinned, more.Pinned...)
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
	mapped, err := sc.mappings, sc.unmapped
	if !sc.closer {
		mapped, err = sys.Mappings(ctx)
	}
	for _, o := range mapped.List {
		sc.opens[o.Devt] = append(sc.opens[o.Devt], o)
	}
	if err != nil {
		sc.unsure = append(sc.unsure, fmt.Sprintf("what processes have mapped into memory could not be read: %v", err))
	}
	if n := len(mapped.Blind); n > 0 {
		sc.unsure = append(sc.unsure, fmt.Sprintf("what %s mapped into memory could not be read: %v", plural(n, "process has", "processes have"), mapped.Blind[0].Err))
	}
	if n := len(sc.openers.Unlisted); n > 0 {
		sc.unsure = append(sc.unsure, fmt.Sprintf("not all files of %s are listed (of process %d among them: an io_uring's, or a thread's own)", plural(n, "process", "processes"), sc.openers.Unlisted[0]))
	}
	sc.readClaims(ctx, sys, disks)
}

// readClaims asks for the claims of disks, side by side: of those that hang each costs
// one time-out.
func (sc *scene) readClaims(ctx context.Context, sys *host, disks []string) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, askedAtOnce)
	for _, name := range disks {
		b := sc.block[name]
		if b == nil {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			held, err := sys.Reader.Claimed(ctx, blockprobe.Target{
				Node: sys.FS.Path("dev", name), Key: fmt.Sprintf("%s#%d", b.Devt, b.DiskSeq), Usable: -1,
			})
			if errors.Is(err, fs.ErrNotExist) && !there(ctx, sys, name) {
				return // it has gone, and whoever held it with it
			}
			mu.Lock()
			defer mu.Unlock()
			sc.claims[name] = claim{held, err}
		})
	}
	wg.Wait()
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
	for _, why := range c.sc.unsure {
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
