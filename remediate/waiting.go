package remediate

import (
	"context"
	"strconv"
	"time"

	"github.com/pkg/errors"
)

// poll calls ready, at once and then every interval, until it says that it is
// done or fails, or ctx ends, in which case tooLate says what that means.
func poll(ctx context.Context, every time.Duration, ready func() (bool, error), tooLate func() error) error {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		done, err := ready()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		if ctx.Err() != nil { // also where both are due: ready would only fail
			return tooLate()
		}
	}
}

// grace is time for reading the state again and putting things right: up to
// 15 s while the caller's time lasts, and no more than a moment after its end.
func (r *run) grace() (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.undo, 15*time.Second)
}

// unhurried bounds a try by d, and by less once the run's own time is up, of which
// [lingering] is left then: the rest is for the next best.
func (r *run) unhurried(ctx context.Context, d, less time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, d)
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-r.over:
		}
		t := time.NewTimer(less)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
			cancel()
		}
	}()
	return ctx, cancel
}

// halfOf leaves one half of the time for what comes after.
func halfOf(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(end)/2)
}

// late names a step's time-out as what it is.
func late(ctx context.Context, what string, err error) error {
	var already *TimeoutError
	if err == nil || ctx.Err() == nil || errors.As(err, &already) || !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errors.WithStack(&TimeoutError{What: what, Err: err})
}

func orError(err error, text string) error {
	if err != nil {
		return err
	}
	return errors.New(text)
}

func uitoa(n uint64) string { return strconv.FormatUint(n, 10) }
