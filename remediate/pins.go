package remediate

import (
	"context"
	"io/fs"
	"slices"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/sysfs"
)

// A held path is a pinned one whose SCSI device directory is open, so that
// neither offline nor delete can hit a newcomer of the same name.
type held struct {
	PathPin
	pin    *sysfs.Pin // nil where the device was gone from the start
	page83 []byte     // as it was cached when the path was first held

	mapped   bool      // it was in the map when the work began
	late     bool      // it turned up after the look that the plan, or this run, went by
	asked    time.Time // when it was last asked, and found to be dead
	silent   bool      // it gave no answer then
	mute     bool      // it gave none itself: its target may have, for it
	freed    time.Time // when it was last found to be unused, too
	off      bool      // it was switched off, and is to be switched on again if it stays
	sealed   bool      // it was found to be unused after that
	deleting bool      // its delete was ordered
}

// hold opens the directory of every path and checks that it is the planned one.
// Where another LU has taken the address since, the planned path is gone, and
// the newcomer is none of our business.
func (r *run) hold(ctx context.Context) error {
	for _, p := range r.t.Paths {
		h, err := r.s.holdPath(ctx, p)
		if err != nil {
			return err
		}
		r.held = append(r.held, h)
	}
	return nil
}

func (s *Sweeper) holdPath(ctx context.Context, p PathPin) (*held, error) {
	gone := &held{PathPin: p}
	pin, err := s.sys.FS.Pin(ctx, p.HCTL)
	if errors.Is(err, fs.ErrNotExist) {
		return gone, nil
	}
	if err != nil {
		return gone, opError("hold", p.HCTL.String(), err)
	}
	d, err := pin.Device(ctx)
	h := &held{PathPin: p, pin: pin, page83: d.VPD83}
	if err == nil && digest(d.VPD83) == p.Page83 {
		if err = s.matches(ctx, h); err == nil {
			return h, nil
		}
	}
	pin.Close()
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return gone, err
}

// nothingHeld reports whether every planned path is gone.
func (r *run) nothingHeld() bool {
	return !slices.ContainsFunc(r.held, func(h *held) bool { return h.pin != nil })
}

func (r *run) release() {
	for _, h := range r.held {
		if h.pin != nil {
			h.pin.Close()
		}
	}
}

// matches checks, through the held directory, that the device is the planned
// one. It returns fs.ErrNotExist where the device is gone.
func (s *Sweeper) matches(ctx context.Context, h *held) error {
	d, err := h.pin.Device(ctx)
	if err != nil {
		return err
	}
	if d.Block != h.Dev {
		return stale("disk of "+h.HCTL.String(), h.Dev, d.Block)
	}
	if got := digest(d.VPD83); got != h.Page83 {
		return stale(h.Dev+"'s identity", h.Page83, got)
	}
	if h.Dev == "" {
		return nil
	}
	b, err := s.sys.FS.Block(ctx, h.Dev)
	if err != nil {
		return err
	}
	if b.Devt != h.Devt {
		return stale(h.Dev+"'s device number", h.Devt.String(), b.Devt.String())
	}
	if b.DiskSeq != h.DiskSeq {
		return stale(h.Dev+"'s disk sequence number", uitoa(h.DiskSeq), uitoa(b.DiskSeq))
	}
	return nil
}

// stillDue looks at the target again: both keys must hold now, and what is
// there must be what the plan pinned. It returns errAbsent where nothing is. What may
// be over in a moment is looked at again.
func (r *run) stillDue(ctx context.Context) (Device, error) {
	for try := 0; ; try++ {
		d, err := r.lookOnce(ctx)
		if !r.momentary(d, err) || try == fleetingTries || r.s.pause(ctx, fleetingPause) != nil {
			return d, err
		}
	}
}

// momentary reports whether a refusal may be over in a moment: readers come and go;
// multipathd suspends a map to change it; and of a path that goes by itself meanwhile
// (multipathd purges it, another run is at work) one look may see but a part.
func (r *run) momentary(d Device, err error) bool {
	var used *InUseError
	switch {
	case errors.As(err, &used):
		return r.s.onlyFleeting(&d.Facts) || !slices.ContainsFunc(used.Users, func(u Use) bool { return u.Kind != UseUnknown })
	case errors.As(err, new(*EvidenceError)):
		return d.Verdict == Suspended || d.Verdict == Unknown || d.Verdict == Transient
	}
	return errors.As(err, new(*StaleError))
}

func (r *run) lookOnce(ctx context.Context) (Device, error) {
	meant := r.meant()
	look, err := r.s.due.look(ctx, r.s, meant)
	if err != nil {
		return Device{}, err
	}
	found := slices.DeleteFunc(slices.Clone(look.found), func(d Device) bool { return !meant(&d.Facts) })
	if len(found) == 0 || r.t.Keeps && r.nothingHeld() {
		return Device{}, errAbsent
	}
	if len(found) > 1 {
		return Device{}, stale("the paths of "+r.t.WWID, "one LU", plural(len(found), "LU", "LUs"))
	}
	d := found[0]
	if err := r.samePins(d); err != nil {
		return Device{}, err
	}
	r.proof, r.keeps, r.looked, r.subject = d.Proof, d.Map, look.at, subject(&d.Facts)
	r.attested(look.begun)
	if err := r.permitted(d); err != nil {
		return d, err
	}
	return d, r.stillAway(ctx, d, look)
}

// stillAway asks the LU once more where the look has taken long: it may be back since it
// was asked. A path that gave no answer would take as long again.
func (r *run) stillAway(ctx context.Context, d Device, look dueLook) error {
	if look.at.Sub(look.begun) <= fresh {
		return nil
	}
	err := r.allLost(ctx, slices.DeleteFunc(slices.Clone(r.held), func(h *held) bool {
		return h.pin == nil || slices.ContainsFunc(d.Paths, func(p Path) bool { return p.HCTL == h.HCTL && p.Answer == Silent })
	}))
	r.looked = time.Now()
	return err
}

// fresh is how old a look may be when something is changed on the strength of it.
const fresh = time.Second

// stillFresh looks again where time has passed since the last look, as in
// writing the journal or the note, in reading, or in waiting for one's turn.
func (r *run) stillFresh(ctx context.Context) error {
	if time.Since(r.looked) <= fresh {
		return nil
	}
	_, err := r.stillDue(ctx)
	return err
}

// meant tells whether a LU is the target: by its identity, or by a pinned path.
// Once its map is gone, a LU may go by another of its names.
func (r *run) meant() func(*Facts) bool {
	wwid, pins := r.t.WWID, map[PathPin]bool{}
	for _, h := range r.held {
		if h.pin != nil {
			pins[h.PathPin] = true
		}
	}
	return func(f *Facts) bool {
		return f.is(wwid) || slices.ContainsFunc(f.Paths, func(p Path) bool { return p.Foreign == "" && pins[pinOf(p)] })
	}
}

// samePins checks that nothing has come to the LU that the plan does not know.
// What has gone from it meanwhile is no contradiction.
func (r *run) samePins(d Device) error {
	switch {
	case d.Map == nil || r.t.Keeps:
	case r.t.Map == nil:
		return stale("the map of "+d.WWID, "", d.Map.Name)
	case r.t.Map.UUID != d.Map.UUID || r.t.Map.Devt != d.Map.Devt || r.t.Map.Name != d.Map.Name,
		r.t.Map.DiskSeq != 0 && r.t.Map.DiskSeq != d.Map.DiskSeq:
		return stale("map "+r.t.Map.Name, r.t.Map.DM+" "+r.t.Map.UUID, d.Map.Name+" "+d.Map.DM+" "+d.Map.UUID)
	}
	for _, p := range d.Paths {
		if r.t.Keeps && !lost(p) {
			if slices.Contains(r.t.Paths, pinOf(p)) {
				return stale("path "+p.HCTL.String(), "lost", p.Answer.String())
			}
			continue
		}
		planned := slices.Contains(r.t.Paths, pinOf(p))
		if p.Foreign != "" {
			planned = slices.Contains(r.t.Foreign, foreignPin(p))
		}
		if !planned {
			return stale("the paths of "+d.WWID, "without "+p.name(), p.name()+" at "+p.HCTL.String())
		}
	}
	return nil
}

// permitted says why the device must be left alone, nil where it may go.
func (r *run) permitted(d Device) error {
	switch {
	case d.Protected != "":
		return errors.WithStack(&ProtectedError{WWID: d.WWID, Reason: d.Protected})
	case len(usersOf(d)) > 0:
		return errors.WithStack(&InUseError{WWID: d.WWID, Users: usersOf(d)})
	case !ours(d.Facts):
		return notOwned(d.Facts)
	case !d.Verdict.Actionable() || !sameKind(r.t.Verdict, d.Verdict):
		return errors.WithStack(&EvidenceError{WWID: d.WWID, Verdict: d.Verdict, Reason: d.Reasons[0]})
	case keeps(d) && !r.t.Keeps:
		return stale("the paths of "+d.WWID, "all lost", "some that are not")
	}
	return nil
}

// sameKind reports whether a verdict found now upholds the planned one. Parts
// of the LU may have gone by themselves since, which changes the word.
func sameKind(planned, now Verdict) bool {
	if planned == now {
		return true
	}
	return (planned == Stale || planned == EmptyMap) && (now == OrphanPath || now == EmptyMap || now == Stale)
}
