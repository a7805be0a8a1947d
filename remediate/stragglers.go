package remediate

import (
	"context"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// stragglers takes away disks of the same identity that turned up in the
// meantime, as long as they are as dead as the rest. A living one means that
// the LU is back.
func (r *run) stragglers(ctx context.Context) error {
	if r.t.Keeps {
		return nil
	}
	for range 3 {
		sc, err := r.s.calm.scene(ctx)
		if err != nil {
			return err
		}
		late, err := r.newcomers(ctx, sc)
		if err != nil || len(late) == 0 {
			return err
		}
		if err := r.clearPaths(ctx, late); err != nil {
			return err
		}
		if err := r.forget(ctx, late); err != nil {
			return err
		}
	}
	return nil
}

// newcomers pins the disks that claim the target's identity and are not in the
// plan. One that somebody uses, and goes on using, ends the work.
func (r *run) newcomers(ctx context.Context, sc *scene) ([]*held, error) {
	var out []*held
	for i := range sc.devices {
		d := &sc.devices[i]
		if !isDisk(d) || !bears(claimed(d), r.t.WWID) || !r.alike(d) {
			continue
		}
		if d.Block == "" || settling(d.State) {
			return nil, errors.WithStack(&EvidenceError{WWID: r.t.WWID, Verdict: Transient, Reason: d.HCTL.String() + " is only just coming, or going"})
		}
		pin, err := r.s.sys.FS.Pin(ctx, d.HCTL)
		if err != nil {
			continue
		}
		h := &held{PathPin: pinOf(sc.path(d, false)), pin: pin, late: true}
		r.held = append(r.held, h)
		if err := h.unlessGone(ctx, r.unused(ctx, []*held{h}, nil)); err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// alike reports whether the disk's own page 0x83 agrees with that of the planned
// paths, where there was one: different LUs may share a weak name.
func (r *run) alike(d *sysfs.SCSIDevice) bool {
	own, err := scsi.ParseDesignators(d.VPD83)
	if err != nil {
		return false
	}
	for _, h := range r.held {
		planned, err := scsi.ParseDesignators(h.page83)
		if err != nil || len(planned) == 0 {
			continue
		}
		same, sure := scsi.SameLU(planned, own)
		return same && sure
	}
	return derivable(r.t.WWID)
}
