package blockprobe

import (
	"context"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	stderrors "errors"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/park"
)

// errEmpty is a read that was carried out and gave nothing: a device without a
// single block, as a disk is whose LU is gone when its size is read again.
var errEmpty = stderrors.New("end of device at offset 0")

// once reads t once, and takes nothing for an error.
func (p *Prober) once(t Target) (int, error) {
	buf := p.take()
	defer p.give(buf) // once the read has come back: one that is stuck goes on owning its own
	n, err := p.read(t.Node, buf)
	if n <= 0 && err == nil {
		return 0, errors.WithStack(&fs.PathError{Op: "read", Path: t.Node, Err: errEmpty})
	}
	return n, err
}

// judge is what a read's end means.
func (p *Prober) judge(n int, err error) Result {
	var stuck *park.StuckError
	switch {
	case stderrors.As(err, &stuck):
		return p.judgeStuck(stuck)
	case err != nil:
		return Result{Outcome: outcomeOf(err), Err: err, Reason: err.Error()}
	}
	return Result{Outcome: Readable, Bytes: n, Reason: fmt.Sprintf("%d bytes read", n)}
}

// judgeStuck calls a read hung only if it had its time, or nearly: one that the
// caller gave up early may be healthy.
func (p *Prober) judgeStuck(e *park.StuckError) Result {
	r := Result{Outcome: Hung, Err: e, Since: e.Since, Reason: e.Error()}
	if waited := time.Since(e.Since); waited < p.timeout-p.timeout/10 {
		r.Outcome = Unknown
		r.Reason = fmt.Sprintf("given up after %s of %s", waited.Round(time.Millisecond), p.timeout)
	}
	return r
}

// outcomeOf sorts the errors that are no stuck read.
func outcomeOf(err error) Outcome {
	var (
		full  *park.LimitError
		errno syscall.Errno
	)
	switch {
	case stderrors.Is(err, errEmpty):
		return Unreadable
	case stderrors.As(err, &full), stderrors.Is(err, context.Canceled), stderrors.Is(err, context.DeadlineExceeded):
		return Unknown // nothing was read
	case stderrors.As(err, &errno) && lost(errno):
		return Unreadable
	}
	return Other
}
