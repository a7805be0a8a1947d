package remediate

import (
	"context"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/diskbyid"
	"github.com/lunsweep/lunsweep/internal/park"
	"github.com/lunsweep/lunsweep/sysfs"
)

// clearPaths takes disks away, once their map is gone. All of them are asked a
// last time and switched off. Nobody can come to use a disk that is off, so that
// one more look, then, is the last word on who does; and they are deleted. One
// whose link is down cannot be switched off, and is looked at once more. Where
// one cannot go, those that are still there are switched on again.
func (r *run) clearPaths(ctx context.Context, paths []*held) error {
	paths = slices.DeleteFunc(slices.Clone(paths), func(h *held) bool { return h.pin == nil })
	for _, h := range paths {
		if err := r.switchOff(ctx, h, paths); err != nil {
			return r.backOnline(paths, err)
		}
	}
	for i, h := range paths {
		if err := r.delete(ctx, h, paths); err != nil {
			return r.backOnline(paths, err)
		}
		if i < len(paths)-1 {
			r.udevHears(ctx, h)
		}
	}
	return nil
}

// udevPatience is how long udev may take over the end of a disk.
const udevPatience = 2 * time.Second

// udevHears waits until udev has begun with the end of a disk, and has given its links to
// another, before the next one of the LU goes. Old versions that work off both at
// once give a link to each other's disk in turn, and may leave it there for good (seen
// with 247): it would lead to whatever gets that disk's name. A udev that is slow is
// waited for once.
func (r *run) udevHears(ctx context.Context, h *held) {
	if r.udevSlow {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, udevPatience)
	defer cancel()
	_ = poll(ctx, 10*time.Millisecond, func() (bool, error) {
		led, err := r.ledTo(ctx, h)
		return err != nil && ctx.Err() == nil || err == nil && !led, nil
	}, func() error {
		r.udevSlow = true
		return nil
	})
}

// ledTo reports whether udev still knows a disk, or has a link lead to it.
func (r *run) ledTo(ctx context.Context, h *held) (bool, error) {
	c := r.s.calm
	if known, err := c.byID.Known(ctx, h.Devt); known || err != nil {
		return known, err
	}
	links, err := c.Links(ctx)
	return slices.ContainsFunc(links, func(l diskbyid.Link) bool { return l.Dev == h.Dev }), err
}

// clearLost takes one path away from a LU that lives on: out of its map first.
func (r *run) clearLost(ctx context.Context, h *held) error {
	if h.pin == nil {
		return nil // its name may be that of a living path by now
	}
	if err := r.do(ctx, ForgetPath, h.name(), 15*time.Second, func(ctx context.Context) error { return r.takeOut(ctx, h) }); err != nil {
		return err
	}
	err := r.clearPaths(ctx, []*held{h})
	if err == nil || stuck(err) {
		return err
	}
	return errors.WithMessagef(err, "%s is out of its map, where it comes back by order alone (multipathd add path %[1]s)", h.name())
}

func (r *run) switchOff(ctx context.Context, h *held, all []*held) error {
	return r.do(ctx, OfflinePath, h.name(), 60*time.Second, func(ctx context.Context) error { return r.offline(ctx, h, all) })
}

func (r *run) delete(ctx context.Context, h *held, all []*held) error {
	r.sealEarly(ctx, h, all)
	turn, err := r.s.sys.going.of(h.HCTL.Host, deletesPerHost).within(ctx)
	if err != nil {
		return errors.WithMessagef(err, "%s %s was not begun", DeletePath, h.name())
	}
	defer turn.leave()
	err = r.do(ctx, DeletePath, h.name(), 60*time.Second, func(ctx context.Context) error { return r.remove(ctx, h, all) })
	h.off = h.off && err != nil
	return err
}

// sealEarly seals before there is a turn to delete: nobody is to wait for that while one
// looks. Where it cannot, that is found again in the step that it belongs to.
func (r *run) sealEarly(ctx context.Context, h *held, all []*held) {
	if !h.off {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	_ = r.seal(ctx, h, all)
}

// offline is the last moment to find out that the LU is alive after all. What is
// found out is found out of all paths that are to go, at the first of them, and
// again where time has passed since.
func (r *run) offline(ctx context.Context, h *held, all []*held) error {
	if err := r.notePaths(ctx, all); err != nil {
		return err
	}
	if time.Since(h.freed) > fresh {
		if err := r.free(ctx, all); err != nil {
			return err
		}
	}
	if err := r.askAged(ctx, []*held{h}); err != nil {
		return err
	}
	if err := r.s.matches(ctx, h); err != nil {
		return h.unlessGone(ctx, err)
	}
	if state, err := h.pin.State(ctx); err != nil || state != sysfs.StateRunning {
		return absentOrGone(err) // whatever else it is, nothing waits for it; the kernel takes no other order
	}
	if err := r.noteOff(ctx, []PathPin{h.PathPin}); err != nil { // it may be running only since
		return err
	}
	err := h.pin.SetState(ctx, sysfs.StateOffline)
	if err != nil {
		err = stuckOr(err, "offline of "+h.Dev)
		h.off = stuck(err) // it may be taken yet
		return absentOrGone(err)
	}
	h.off, r.touched = true, true
	return nil
}

// notePaths puts on record that those of the paths that are running may be
// found switched off.
func (r *run) notePaths(ctx context.Context, paths []*held) error {
	var running []PathPin
	for _, h := range paths {
		if state, err := h.pin.State(ctx); err == nil && state == sysfs.StateRunning {
			running = append(running, h.PathPin)
		}
	}
	return r.noteOff(ctx, running)
}

// remove deletes the SCSI device through the held directory, and waits until
// it is gone.
func (r *run) remove(ctx context.Context, h *held, all []*held) error {
	if err := r.atRest(ctx, h, all); err != nil {
		return err
	}
	r.touched, h.deleting = true, true
	if err := h.pin.Delete(ctx); err != nil {
		return absentOrGone(stuckOr(err, "delete of "+h.Dev))
	}
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		return h.gone(ctx), nil
	}, func() error {
		return &TimeoutError{What: "delete of " + h.Dev, Stuck: true, Err: context.DeadlineExceeded}
	})
}

// backOnline undoes the offline of the paths whose delete did not come about,
// and is not still under way.
func (r *run) backOnline(paths []*held, cause error) error {
	ctx, cancel := r.grace()
	defer cancel()
	errs := make([]error, len(paths))
	var wg sync.WaitGroup
	for i, h := range paths {
		switch {
		case !h.off:
		case h.deleting && stuck(cause):
			r.ajar = true // a delete that is under way takes no other order
		default:
			wg.Go(func() { errs[i] = r.online(ctx, h) }) // one that hangs must not keep the others off
		}
	}
	wg.Wait()
	if err := join(errs); err != nil {
		r.ajar = true
		return join(append([]error{cause}, errs...))
	}
	return cause
}

// unlessGone turns err into success where the device itself is gone, or goes
// within a moment. That anything else was missing does not mean that it is: a
// check that could not be made is no check.
func (h *held) unlessGone(ctx context.Context, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		return h.gone(ctx), nil
	}, func() error { return err })
}

// gone reports whether the device is not there any more. What has come of a step
// can be read for a moment after ctx has ended.
func (h *held) gone(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lingering/2)
	defer cancel()
	_, err := h.pin.State(ctx)
	return errors.Is(err, fs.ErrNotExist)
}

// absentOrGone turns "no such device" into success: somebody else was faster.
func absentOrGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func stuck(err error) bool {
	var timeout *TimeoutError
	return errors.As(err, &timeout) && timeout.Stuck
}

// stuckOr marks an error as stuck where the write has not come back.
func stuckOr(err error, what string) error {
	var stuck *park.StuckError
	if errors.As(err, &stuck) {
		return errors.WithStack(&TimeoutError{What: what, Stuck: true, Err: err})
	}
	return opError("write", what, err)
}
