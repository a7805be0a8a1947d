package remediate

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// ClearLUN makes a LUN of a target ready for the volume with this WWID: it
// removes what an earlier volume left there. A driver calls it before it scans
// for the new volume, because a scan does not look again at an address that it
// knows, so that the new volume would be taken for the old.
//
// It finds every SCSI device that has the LUN, over all sessions and ports to
// the target. Where there is none, or none but the wanted volume itself by live
// identity, nothing is done. A leftover goes by the two keys, dwell and pins of
// any plan: dead or remapped on that path, ours (the [Owner] is asked about the
// earlier volume's WWID) and unused; where the earlier volume lives on through
// other paths, it loses the lost paths alone. That the wanted volume answers
// already under the earlier one's name is the usual case, and no obstacle.
//
// It is closed by default: whatever else is there (alive as another volume,
// used, not ours, silent, no disk) is an error, and then nothing at all has been
// changed, unless it has come there while leftovers were removed. The report lists what
// was removed; it is nil with an error from before the first change. Errors are those of
// [Sweeper.Execute], and one that matches fs.ErrInvalid for an address or a WWID that is
// none.
func (s *Sweeper) ClearLUN(ctx context.Context, at Address, wwid string) (*Report, error) {
	r, err := s.clearLUN(ctx, at, wwid)
	return r, errors.WithMessage(err, at.String())
}

func (s *Sweeper) clearLUN(ctx context.Context, at Address, wwid string) (*Report, error) {
	names, err := named([]string{wwid})
	if err != nil {
		return nil, err
	}
	p, err := at.parse()
	if err != nil {
		return nil, err
	}
	r := &Report{Started: s.opt.now(), Results: []Result{}}
	if r.Recovered, err = s.Recover(ctx); err != nil {
		return nil, err
	}
	l := &lunClearing{s: s, place: p, name: names[0]}
	if l.there, err = l.find(ctx); err != nil {
		return nil, err
	}
	if len(l.there) == 0 {
		return s.carryOut(ctx, r, nil, nil)
	}
	sv, err := s.agree(ctx, l.touches, l.refuse)
	if err != nil {
		return nil, err
	}
	var due []Device
	for _, d := range sv.Devices {
		if !l.wanted(d) {
			due = append(due, d)
		}
	}
	if r, err = s.carryOut(ctx, r, sv, due); err != nil {
		return r, err
	}
	return r, l.unchanged(ctx)
}

// A lunClearing is one call of ClearLUN.
type lunClearing struct {
	s     *Sweeper
	place place
	name  scsi.Name
	there map[sysfs.HCTL]sysfs.SCSIDevice // what has the LUN
}

// find lists what has the LUN. What is no disk would stay in the new volume's
// way, and is nothing that this package removes; unless it is about to be the wanted
// volume's, for which the host has scanned by itself meanwhile.
func (l *lunClearing) find(ctx context.Context) (map[sysfs.HCTL]sysfs.SCSIDevice, error) {
	all, err := l.s.sys.FS.SCSIDevices(ctx)
	if err != nil {
		return nil, opError("read the SCSI devices", "", err)
	}
	there := map[sysfs.HCTL]sysfs.SCSIDevice{}
	for _, d := range all {
		here, err := l.place.has(ctx, l.s.sys.FS, d.HCTL)
		switch {
		case err != nil:
			return nil, err
		case here && (!isDisk(&d) || d.Block == "" && (l.there == nil || !l.isWanted(d))):
			return nil, evidence(d.HCTL.String(), Unknown, fmt.Sprintf("a SCSI device of type %02xh without a disk has the LUN", d.Type))
		case here:
			there[d.HCTL] = d
		}
	}
	return there, nil
}

// unchanged makes sure that nothing but the wanted volume has come to the LUN since it was
// first looked at, and that what has it is known by the same pages.
func (l *lunClearing) unchanged(ctx context.Context) error {
	now, err := l.find(ctx)
	if err != nil {
		return err
	}
	for h, d := range now {
		before, known := l.there[h]
		if l.isWanted(d) {
			continue // if it has come since, the host has scanned for it by itself
		}
		if !known || before.Block != d.Block || !bytes.Equal(before.VPD83, d.VPD83) {
			return evidence(h.String(), Transient, d.Block+" has come to the LUN, or changed, while it was looked at")
		}
	}
	return nil
}

func evidence(wwid string, v Verdict, reason string) error {
	return errors.WithStack(&EvidenceError{WWID: wwid, Verdict: v, Reason: reason})
}

func (l *lunClearing) at(p Path) bool { _, here := l.there[p.HCTL]; return here }

func (l *lunClearing) touches(f *Facts) bool { return slices.ContainsFunc(f.Paths, l.at) }

// refuse says why the LUN cannot be made ready, nil where it can.
func (l *lunClearing) refuse(ctx context.Context, found []Device) error {
	if err := l.unchanged(ctx); err != nil {
		return err
	}
	for h := range l.there {
		if !slices.ContainsFunc(found, func(d Device) bool {
			return slices.ContainsFunc(d.Paths, func(p Path) bool { return p.HCTL == h })
		}) {
			return evidence(h.String(), Transient, "it is only just going")
		}
	}
	for _, d := range found {
		if l.wanted(d) {
			continue
		}
		if err := refusal(d); err != nil {
			return err
		}
		for _, p := range d.Paths {
			if l.at(p) && keeps(d) && !lost(p) {
				return evidence(d.WWID, d.Verdict, p.name()+" has the LUN, and stays a path of it")
			}
		}
	}
	return nil
}

// wanted reports whether every device of a LU that has the LUN is the wanted
// volume itself, to the kernel and by its own live word.
func (l *lunClearing) wanted(d Device) bool {
	proven := false
	for _, p := range d.Paths {
		if !l.at(p) {
			continue
		}
		if p.Page83 != digest(l.there[p.HCTL].VPD83) {
			return false // another disk than the one that was found first
		}
		answers := p.Answer == Alive || p.Answer == Present
		right := answers && p.Identity == IdentityMatch
		silent := p.Answer == Silent && l.s.opt.silentPaths
		if !l.cached(p) || !right && !silent {
			return false
		}
		proven = proven || right
	}
	return proven
}

// cached reports whether the kernel knows the path's LU by the wanted name.
func (l *lunClearing) cached(p Path) bool {
	return l.isWanted(l.there[p.HCTL])
}

func (l *lunClearing) isWanted(d sysfs.SCSIDevice) bool {
	ds, err := scsi.ParseDesignators(d.VPD83)
	return err == nil && l.name.In(ds)
}
