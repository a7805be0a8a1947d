package remediate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/diskbyid"
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
	// was in its map and stays, and multipathd's entries that give such a disk its
	// name. They do not count as remains: udev puts them right when it looks at that
	// disk again (udevadm trigger), and multipathd then, or that goes.
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
	for _, t := range targets {
		if t.WWID == "" || nameless(t.WWID) {
			return nil, errors.Errorf("%q is no identity that could be looked for", t.WWID)
		}
	}
	sc, err := s.calm.scene(ctx)
	if err != nil {
		return nil, err
	}
	return s.verified(ctx, sc, targets, s.heard)
}

// verified is Verify by a scene that was read already; ask is for multipathd's paths.
func (s *Sweeper) verified(ctx context.Context, sc *scene, targets []Target, ask listing) ([]Verification, error) {
	heard, err := s.hearsay(ctx, targets, ask)
	if err != nil {
		return nil, err
	}
	out := make([]Verification, len(targets))
	for i, t := range targets {
		out[i] = sc.verified(t, heard)
	}
	if heard.deaf != nil {
		return out, opError("see multipathd's paths", "", heard.deaf)
	}
	return out, ctx.Err()
}

// verified looks for a target by every writing of its name.
func (sc *scene) verified(t Target, heard hearsay) Verification {
	v := sc.verifiedAs(t, heard)
	for _, name := range writings(t.WWID)[1:] {
		t.WWID = name
		w := sc.verifiedAs(t, heard)
		v.Remains = append(v.Remains, slices.DeleteFunc(w.Remains, func(r string) bool { return slices.Contains(v.Remains, r) })...)
		v.Gone = v.Gone && w.Gone
	}
	return v
}

func (sc *scene) verifiedAs(t Target, heard hearsay) Verification {
	v := Verification{WWID: t.WWID, Remains: sc.remains(t), Notes: sc.newOwners(t)}
	note := func(dev, words string) {
		if sc.stays(t, dev) {
			v.Misleading = append(v.Misleading, words)
		} else {
			v.Remains = append(v.Remains, words)
		}
	}
	for _, e := range heard.entriesOf(t) {
		note(e.Dev, entryWords(e))
	}
	for _, l := range heard.linksOf(t) {
		note(l.Dev, linkWords(l))
	}
	v.Gone = len(v.Remains) == 0
	return v
}

func entryWords(e multipath.DaemonPath) string { return "multipathd's entry for " + e.Dev }

func linkWords(l diskbyid.Link) string { return fmt.Sprintf("link %s -> %s", l.Name, l.Target) }

// hearsay is what is remembered of devices that may have gone: by multipathd, and
// by udev in /dev/disk/by-id.
type hearsay struct {
	entries []multipath.DaemonPath
	links   []diskbyid.Link
	deaf    error // why multipathd did not say
}

// A listing gets the paths that multipathd lists.
type listing func(context.Context) ([]multipath.DaemonPath, error)

// hearsay reads it; the links only where a target's whole LU is to go.
func (s *Sweeper) hearsay(ctx context.Context, targets []Target, ask listing) (heard hearsay, err error) {
	if heard.entries, heard.deaf = ask(ctx); nobody(heard.deaf) {
		heard.entries, heard.deaf = nil, nil
	}
	if slices.ContainsFunc(targets, func(t Target) bool { return !t.Keeps }) {
		heard.links, err = s.calm.Links(ctx)
	}
	return heard, opError("read the links in", "/dev/disk/by-id", err)
}

// entriesOf are multipathd's for a target that is to go.
func (heard hearsay) entriesOf(t Target) []multipath.DaemonPath {
	return slices.DeleteFunc(slices.Clone(heard.entries), func(e multipath.DaemonPath) bool { return t.Keeps || !slices.Contains(writings(e.WWID), t.WWID) })
}

// linksOf are those that name a target that is to go.
func (heard hearsay) linksOf(t Target) []diskbyid.Link {
	return slices.DeleteFunc(slices.Clone(heard.links), func(l diskbyid.Link) bool { return t.Keeps || !l.Claims(t.WWID) })
}

// remains lists the maps and disks that bear the target's identity.
func (sc *scene) remains(t Target) []string {
	out := []string{}
	for _, b := range sc.blocks {
		if b.DM == nil || t.Keeps {
			continue
		}
		if wwid, ok := b.DM.Multipath(); ok && slices.Contains(writings(wwid), t.WWID) {
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
	return pinned || !t.Keeps && bears(claimed(d), t.WWID)
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
	out := []string{}
	if t.Map != nil {
		if b := sc.block[t.Map.DM]; b != nil && b.DM != nil && b.DM.UUID != t.Map.UUID {
			out = append(out, fmt.Sprintf("%s is %s now, another map", t.Map.DM, b.DM.Name))
		}
	}
	for _, p := range t.Paths {
		if d := sc.disk[p.Dev]; d != nil && !bears(claimed(d), t.WWID) {
			out = append(out, fmt.Sprintf("%s is %s now, another LU", p.Dev, or(believed(d), "unnamed")))
		}
	}
	return out
}

// verify waits until nothing of the target is left. What is remembered of it goes
// last, and is looked at first, for that costs little; and once more after all the
// rest: udev makes links anew with each event, and one look may fall between. As long
// as it has events to work off, that is not the last one.
func (r *run) verify(ctx context.Context) error {
	var left []string
	var unseen error
	gone, seen := false, time.Time{} // at the last look, and when that was
	until := udevsTime(ctx)
	if r.asked = time.Now(); r.unheard != nil {
		r.asked, r.unheard = time.Time{}, nil // it gets one more chance
	}
	return poll(ctx, 100*time.Millisecond, func() (bool, error) {
		quiet := r.settled(ctx, until) // before the links are read, which udev may make anew until then
		remains, err := r.remembered(ctx)
		sure := gone && len(r.t.Foreign) == 0 && time.Since(seen) <= fresh
		if err == nil && len(remains) == 0 && !sure {
			seen = time.Now()
			remains, err = r.remains(ctx)
		}
		if err == nil && len(remains) == 0 && gone && quiet {
			return true, nil
		}
		gone, unseen = err == nil && len(remains) == 0, err
		if ctx.Err() == nil {
			left = remains
		}
		return false, nil
	}, func() error {
		if len(left) == 0 {
			return opError("verify that it is gone:", r.t.WWID, orError(unseen, "there was no time to look"))
		}
		return errors.WithStack(&RemainsError{WWID: r.t.WWID, Remains: left})
	})
}

// settlingFor is how long udev's events are waited for: a busy host always has some.
const settlingFor = 5 * time.Second

// udevsTime is until when udev's events are waited for: for half of the time that is
// left at most, since that udev is busy is no word against what was seen.
func udevsTime(ctx context.Context) time.Time {
	until := time.Now().Add(settlingFor)
	half, cancel := halfOf(ctx)
	defer cancel()
	if end, ok := half.Deadline(); ok && end.Before(until) {
		return end
	}
	return until
}

// settled reports whether no event of before can bring a link back any more, as far as
// that can be had by until.
func (r *run) settled(ctx context.Context, until time.Time) bool {
	done, err := r.s.calm.byID.Settled(ctx)
	return err == nil && done || !time.Now().Before(until)
}

// remembered is what multipathd and udev still know of the target, as far as it
// can be told without looking at the devices. A multipathd that does not answer is
// given up after a while, and need not.
func (r *run) remembered(ctx context.Context) ([]string, error) {
	heard, err := r.s.hearsay(ctx, []Target{r.t}, r.hear)
	if err == nil && r.unheard == nil {
		err = opError("see multipathd's paths", "", heard.deaf)
	}
	if len(r.t.Foreign) > 0 { // it may be of what stays, which only the devices tell
		return nil, err
	}
	var left []string
	for _, e := range heard.entriesOf(r.t) {
		left = append(left, entryWords(e))
	}
	ours := heard.linksOf(r.t)
	for _, l := range heard.links {
		if slices.Contains(ours, l) || r.leftLink(l) {
			left = append(left, linkWords(l))
		}
	}
	return left, err
}

// leftLink reports whether a link names the LU by another name than the plan does, and
// leads to a disk that was the LU's.
func (r *run) leftLink(l diskbyid.Link) bool {
	return !r.t.Keeps && slices.ContainsFunc(r.held, func(h *held) bool { return h.Dev != "" && h.Dev == l.Dev }) &&
		slices.ContainsFunc(r.names, l.Claims)
}

// remains is everything that is left of the target, the devices included.
func (r *run) remains(ctx context.Context) ([]string, error) {
	sc, err := r.s.calm.scene(ctx)
	if err != nil {
		return nil, err
	}
	all, err := r.s.verified(ctx, sc, []Target{r.t}, r.hear)
	if len(all) != 1 {
		return nil, err
	}
	if r.unheard != nil {
		err = ctx.Err()
	}
	r.misleading = all[0].Misleading
	return all[0].Remains, err
}

// nobody reports whether there is no multipathd that could list anything.
func nobody(err error) bool {
	return errors.Is(err, multipath.ErrNoDaemon) || errors.Is(err, multipath.ErrUnsupported)
}

func listed(paths []multipath.DaemonPath, dev, wwid string) bool {
	return slices.ContainsFunc(paths, func(p multipath.DaemonPath) bool { return p.Dev == dev && slices.Contains(writings(p.WWID), wwid) })
}
