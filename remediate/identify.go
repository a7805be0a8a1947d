package remediate

import (
	"context"
	"fmt"
	"slices"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/sysfs"
)

// VerifyIdentity is [Sweeper.VerifyIdentity] on a Sweeper of its own. A service
// that calls it again and again makes one Sweeper, which keeps count of what is
// stuck.
func VerifyIdentity(ctx context.Context, device, wwid string, opts ...Option) error {
	s, err := New(opts...)
	if err != nil {
		return errors.WithStack(&IdentityError{Device: device, Want: wwid, Reason: "the host cannot be looked at", Err: err})
	}
	return s.VerifyIdentity(ctx, device, wwid)
}

// VerifyIdentity proves that a block device leads, on every path, to the LU that
// has this WWID, or returns an *[IdentityError]: whoever attaches a volume asks
// before the first byte is read or written. That a read succeeds proves
// nothing, and neither does what the kernel and the links in /dev/disk remember
// of a LUN that was given to another volume since.
//
// device is a path of the host's to the node of a multipath map or of a SCSI
// disk, or a link to one, followed below the root. A disk that is a path of a
// map stands for that map. Anything else, partitions and what is stacked on a
// LU included, is refused. wwid is a name in a form of [scsi.ParseName]: a
// vendor's serial number is none.
//
// It reads sysfs and, for a map, its table from device-mapper, sends INQUIRY,
// standard and page 0x83, to each disk, and then reads sysfs once more. On every
// path, the live page, the page that the kernel cached and the map's uuid must
// all name the wanted LU. It is closed by default: a path that does not answer
// proves nothing (but see [WithSilentPaths]), nor does a map that is empty or
// suspended, or anything that has changed while it was looked at. multipathd
// suspends a map for a moment to change it, so an error without Got is worth
// another try.
//
// It writes nothing and opens no map. It needs root, and returns by the end of
// ctx; each command is given the time of [WithProbeTimeout].
func (s *Sweeper) VerifyIdentity(ctx context.Context, device, wwid string) error {
	err := s.identify(ctx, device, wwid)
	var e *IdentityError
	if errors.As(err, &e) {
		e.Device, e.Want = device, wwid
	}
	return err
}

// WithSilentPaths lets [Sweeper.VerifyIdentity] and [Sweeper.ClearLUN] go on
// although some paths do not answer, as in an outage of one of two links: as long
// as one path answers as the wanted LU, and what the kernel cached of the silent
// ones names it too. A LUN that is given to another volume during the outage
// then shows only when the path comes back: multipathd checks that with
// recheck_wwid yes. Without this option every path must answer.
func WithSilentPaths() Option { return func(o *options) { o.silentPaths = true } }

// An identified device is what stands behind a device node, before its paths
// are asked.
type identified struct {
	sc    *scene
	facts *Facts
}

func (s *Sweeper) identify(ctx context.Context, device, wwid string) error {
	names, err := named([]string{wwid})
	if err != nil {
		return missing("", "a name of this form identifies no LU", err)
	}
	before, err := s.behind(ctx, device)
	if err != nil {
		return err
	}
	if err := s.provePaths(ctx, before, names[0]); err != nil {
		return err
	}
	after, err := s.behind(ctx, device)
	if err != nil {
		return err
	}
	if !samePins(Device{Facts: *before.facts}, Device{Facts: *after.facts}) {
		return missing("", "has changed while it was looked at", nil)
	}
	return nil
}

// behind finds out what a device node leads to.
func (s *Sweeper) behind(ctx context.Context, device string) (*identified, error) {
	devt, err := s.sys.FS.Resolve(ctx, device)
	if err != nil {
		return nil, missing("", "no block device is behind it", err)
	}
	sc, err := s.sys.scene(ctx)
	if err != nil {
		return nil, missing("", "the host's devices cannot be read", err)
	}
	i := slices.IndexFunc(sc.blocks, func(b sysfs.Block) bool { return b.Devt == devt })
	if i < 0 {
		return nil, missing("", fmt.Sprintf("is a partition, or no disk at all (%s)", devt), nil)
	}
	f, err := sc.luOf(&sc.blocks[i])
	if err != nil {
		return nil, err
	}
	if f.Map != nil {
		err = s.proveMap(ctx, sc, f)
	}
	return &identified{sc: sc, facts: f}, err
}

// luOf is the LU of a map, or of a disk: the whole of its map where it is a
// path of one, else this disk alone.
func (sc *scene) luOf(b *sysfs.Block) (*Facts, error) {
	for _, f := range sc.group() {
		at := slices.IndexFunc(f.Paths, func(p Path) bool { return p.Dev == b.Name })
		switch {
		case f.Evidence.Duplicate != "" && (at >= 0 || f.Map != nil && f.Map.DM == b.Name):
			return nil, missing("", f.Evidence.Duplicate, nil)
		case f.Map != nil && (f.Map.DM == b.Name || at >= 0 && f.Paths[at].InMap):
			return f, nil
		case at >= 0:
			f.Map, f.Paths = nil, f.Paths[at:at+1]
			return f, nil
		}
	}
	return nil, missing("", fmt.Sprintf("is %s: no SCSI disk and no multipath map", b.Name), nil)
}

// proveMap checks what can be said of a map without asking its paths.
func (s *Sweeper) proveMap(ctx context.Context, sc *scene, f *Facts) error {
	switch {
	case f.Map.Suspended:
		return missing("", "is suspended", nil)
	case !slices.ContainsFunc(f.Paths, func(p Path) bool { return p.InMap }):
		return missing("", "is a map without any path", nil)
	}
	t, err := s.sys.Kernel.Table(ctx, f.Map.UUID)
	switch {
	case err != nil:
		return missing("", "its table cannot be read", err)
	case t.Devt != f.Map.Devt || t.Target != "multipath" || t.Suspended || t.InactiveTable:
		return missing("", "is being changed", nil)
	}
	for _, p := range t.Paths {
		if !slices.ContainsFunc(f.Paths, func(q Path) bool { return q.InMap && q.Devt == p.Devt }) {
			return missing("", fmt.Sprintf("its table has a path (%s) whose disk is not to be seen", p.Devt), nil)
		}
	}
	for _, q := range f.Paths {
		if q.InMap && !slices.ContainsFunc(t.Paths, func(p multipath.TablePath) bool { return p.Devt == q.Devt }) {
			return missing(q.name(), "is held by the map and not in its table", nil)
		}
	}
	return nil
}
