package remediate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/diskbyid"
	"github.com/lunsweep/lunsweep/internal/park"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A Verification says whether one LU is gone, by identity. Names do not count:
// a new volume may own them by now.
type Verification struct {
	WWID    string   `json:"wwid"`
	Gone    bool     `json:"gone"`
	Remains []string `json:"remains"` // what of it is still there
	Notes   []string `json:"notes"`   // who owns its old names now
	// Misleading lists links that name it and lead to a disk of another LU's that
	// was in its map and stays. They do not count as remains: udev puts them right
	// when it looks at that disk again, or that goes.
	Misleading []string `json:"misleading,omitempty"`
}

// Verify checks, for each target, that no map, no SCSI disk, no entry of
// multipathd and no link in /dev/disk/by-id bears its identity. For a target
// that keeps its LU only the listed paths must be gone. A bare WWID is a target
// too: Target{WWID: w}, in any form of [scsi.ParseName]. It changes nothing.
//
// Where multipathd is there and does not answer, or may not be asked, it returns
// what can be seen, and an error.
func (s *Sweeper) Verify(ctx context.Context, targets ...Target) ([]Verification, error) {
	sc, err := s.devices(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		if t.WWID == "" || nameless(t.WWID) {
			return nil, errors.Errorf("%q is no identity that could be looked for", t.WWID)
		}
	}
	entries, derr := s.sys.Paths(ctx)
	if nobody(derr) {
		entries, derr = nil, nil
	}
	out := make([]Verification, len(targets))
	for i, t := range targets {
		if out[i], err = s.verifyAs(ctx, sc, entries, t); err != nil {
			return nil, err
		}
	}
	if derr != nil {
		return out, opError("see multipathd's paths", "", derr)
	}
	return out, ctx.Err()
}

// verifyAs is verifyOne for a target by either writing of its name.
func (s *Sweeper) verifyAs(ctx context.Context, sc *scene, entries []multipath.DaemonPath, t Target) (Verification, error) {
	v, err := s.verifyOne(ctx, sc, entries, t)
	for _, name := range writings(t.WWID)[1:] {
		t.WWID = name
		w, werr := s.verifyOne(ctx, sc, entries, t)
		if err == nil {
			err = werr
		}
		v.Remains = append(v.Remains, slices.DeleteFunc(w.Remains, func(r string) bool { return slices.Contains(v.Remains, r) })...)
		v.Gone = v.Gone && w.Gone
	}
	return v, err
}

func (s *Sweeper) verifyOne(ctx context.Context, sc *scene, entries []multipath.DaemonPath, t Target) (Verification, error) {
	v := Verification{WWID: t.WWID, Remains: []string{}, Notes: []string{}}
	v.Remains = append(v.Remains, sc.remains(t)...)
	for _, e := range entries {
		if !t.Keeps && e.WWID == t.WWID {
			v.Remains = append(v.Remains, "multipathd's entry for "+e.Dev)
		}
	}
	if !t.Keeps {
		links, err := park.Do(ctx, s.dirs, "/dev/disk/by-id", func() ([]diskbyid.Link, error) {
			return s.links.Naming(ctx, t.WWID)
		})
		if err != nil {
			return v, opError("read the links of", t.WWID, err)
		}
		for _, l := range links {
			if sc.stays(t, l.Dev) {
				v.Misleading = append(v.Misleading, fmt.Sprintf("link %s -> %s", l.Name, l.Target))
				continue
			}
			v.Remains = append(v.Remains, fmt.Sprintf("link %s -> %s", l.Name, l.Target))
		}
	}
	v.Gone = len(v.Remains) == 0
	v.Notes = append(v.Notes, sc.newOwners(t)...)
	return v, nil
}

// remains lists the maps and disks that bear the target's identity.
func (sc *scene) remains(t Target) []string {
	var out []string
	for _, b := range sc.blocks {
		if b.DM == nil || t.Keeps {
			continue
		}
		if wwid, ok := b.DM.Multipath(); ok && wwid == t.WWID {
			out = append(out, fmt.Sprintf("map %s (%s)", b.DM.Name, b.Name))
		}
	}
	for i := range sc.devices {
		d := &sc.devices[i]
		if !isDisk(d) || !sc.isOf(d, t) {
			continue
		}
		out = append(out, fmt.Sprintf("disk %s (%s)", or(d.Block, "without a name"), d.HCTL))
	}
	for _, p := range t.Paths {
		if b := sc.block[p.Dev]; b != nil && sc.disk[p.Dev] == nil && inLimbo(*b, p) {
			out = append(out, fmt.Sprintf("disk %s (%s), whose delete has not come back", p.Dev, p.HCTL))
		}
	}
	return out
}

func (sc *scene) isOf(d *sysfs.SCSIDevice, t Target) bool {
	pinned := slices.Contains(t.Paths, pinOf(sc.path(d, false)))
	return pinned || !t.Keeps && slices.Contains(claimed(d), t.WWID)
}

// stays reports whether a device is, or is on, a disk that was in the target's
// map, is another LU's, and does not go with it.
func (sc *scene) stays(t Target, dev string) bool {
	return slices.ContainsFunc(t.Foreign, func(f ForeignPin) bool {
		d, b := sc.disk[f.Dev], sc.block[f.Dev]
		return d != nil && b != nil && f.PathPin == pinOf(sc.path(d, false)) &&
			(dev == f.Dev || slices.ContainsFunc(b.Partitions, func(p sysfs.Partition) bool { return p.Name == dev }))
	})
}

// newOwners says who bears the target's old names now.
func (sc *scene) newOwners(t Target) []string {
	var out []string
	if t.Map != nil {
		if b := sc.block[t.Map.DM]; b != nil && b.DM != nil && b.DM.UUID != t.Map.UUID {
			out = append(out, fmt.Sprintf("%s is %s now, another map", t.Map.DM, b.DM.Name))
		}
	}
	for _, p := range t.Paths {
		if d := sc.disk[p.Dev]; d != nil && !slices.Contains(claimed(d), t.WWID) {
			out = append(out, fmt.Sprintf("%s is %s now, another LU", p.Dev, or(believed(d), "unnamed")))
		}
	}
	return out
}

// verify waits until nothing of the target is left.
func (r *run) verify(ctx context.Context) error {
	var v Verification
	var unseen error
	gone := 0 // looks in a row: udev makes links anew with each event, and one look may fall between
	return poll(ctx, 100*time.Millisecond, func() (bool, error) {
		all, err := r.s.Verify(ctx, r.t)
		if unseen = err; len(all) == 1 && ctx.Err() == nil {
			v = all[0]
		}
		answered := err == nil || r.unheard != nil && len(all) == 1
		if gone++; !answered || !v.Gone {
			gone = 0
		}
		r.misleading = v.Misleading
		return gone == 2, nil
	}, func() error {
		if len(v.Remains) == 0 {
			return opError("verify that it is gone:", r.t.WWID, orError(unseen, "there was no time to look"))
		}
		return errors.WithStack(&RemainsError{WWID: r.t.WWID, Remains: v.Remains})
	})
}

// nobody reports whether there is no multipathd that could list anything.
func nobody(err error) bool {
	return errors.Is(err, multipath.ErrNoDaemon) || errors.Is(err, multipath.ErrUnsupported)
}

func listed(paths []multipath.DaemonPath, dev, wwid string) bool {
	return slices.ContainsFunc(paths, func(p multipath.DaemonPath) bool { return p.Dev == dev && p.WWID == wwid })
}
