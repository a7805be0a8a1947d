package diskbyid

import (
	"context"
	"fmt"
	"time"

	"github.com/pkg/errors"
)

// Between two looks at the directory: soon at first, since udev mostly takes
// some milliseconds, later less often.
const (
	firstPause = 10 * time.Millisecond
	mostPause  = 250 * time.Millisecond
)

// A LeftError says that links were not what they should be when the context
// ended. It matches the context's error.
type LeftError struct {
	WWID  string
	Links []Link // those that were wrong at the last look
	Err   error  // matches the context's error, and says so where the directory did not answer
}

func (e *LeftError) Error() string {
	switch {
	case len(e.Links) > 0:
		return fmt.Sprintf("%d links still name %s, %s among them: %v", len(e.Links), e.WWID, e.Links[0].Name, e.Err)
	case isStuck(e.Err):
		return fmt.Sprintf("what names %s could not be seen: %v", e.WWID, e.Err)
	}
	return fmt.Sprintf("no link names %s: %v", e.WWID, e.Err)
}

func (e *LeftError) Unwrap() error { return e.Err }

var _ interface{ Unwrap() error } = (*LeftError)(nil)

// WaitGone waits until no link claims wwid any more, but for those that lead to
// devices that are not ours; nil takes every device for ours. A link that
// dangles counts as ours: nothing shows that it is somebody else's.
//
// It returns the links that are left: with a nil error those that are not ours,
// with a *[LeftError] those that are.
func (d *Dir) WaitGone(ctx context.Context, wwid string, ours func(dev string) bool) ([]Link, error) {
	isOurs := func(l Link) bool { return l.Dangling || ours == nil || ours(l.Dev) }
	return d.wait(ctx, wwid, func(links []Link) (wrong []Link, done bool) {
		wrong = keep(links, isOurs)
		return wrong, len(wrong) == 0
	})
}

// WaitMoved waits until there are links that claim wwid, and all of them, but
// for those of partitions, lead to dev, a kernel name. When ctx ends before, the
// error is a *[LeftError] with the links that do not.
func (d *Dir) WaitMoved(ctx context.Context, wwid, dev string) error {
	isWhole := func(l Link) bool { _, partition := identity(l.Name); return !partition }
	isWrong := func(l Link) bool { return l.Dev != dev || l.Dangling }
	_, err := d.wait(ctx, wwid, func(links []Link) (wrong []Link, done bool) {
		whole := keep(links, isWhole)
		wrong = keep(whole, isWrong)
		return wrong, len(whole) > 0 && len(wrong) == 0
	})
	return err
}

// keep returns the links that are wanted.
func keep(links []Link, want func(Link) bool) []Link {
	var out []Link
	for _, l := range links {
		if want(l) {
			out = append(out, l)
		}
	}
	return out
}

// wait looks at the links of wwid until look is content with them, and returns
// them all; or, when ctx ends before, those that look found wrong.
func (d *Dir) wait(ctx context.Context, wwid string, look func([]Link) (wrong []Link, done bool)) ([]Link, error) {
	var wrong []Link
	var last error
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, mostPause) {
		links, err := d.Naming(ctx, wwid)
		if ctx.Err() != nil {
			last = err
			break
		}
		if err != nil {
			return nil, err
		}
		var done bool
		if wrong, done = look(links); done {
			return links, nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return wrong, errors.WithStack(&LeftError{WWID: wwid, Links: wrong, Err: because(ctx, last)})
}

// because is why a wait ended with its context: err, if that tells more.
func because(ctx context.Context, err error) error {
	if isStuck(err) {
		return err
	}
	return ctx.Err()
}
