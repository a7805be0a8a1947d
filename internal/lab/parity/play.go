package parity

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lunsweep/lunsweep/remediate"
)

// limit bounds what the library is asked for in one act, and patience what is
// seen of an act's step Until.
const (
	limit    = 2 * time.Minute
	patience = 4 * time.Second
)

// Play goes through the acts of a scenario on a host that has its volumes, each
// with a map of two paths but for the bare ones, and compares what comes of each
// with what is wanted.
func Play(t testing.TB, h Host, s Scenario) {
	t.Helper()
	for i, a := range s.Acts {
		got := a.play(t, h, s.Volumes)
		if diff := cmp.Diff(a.Want, got); diff != "" {
			t.Errorf("%s, act %d (-want +got):\n%s", s.Name, i+1, diff)
		}
	}
}

func (a Act) play(t testing.TB, h Host, volumes []Volume) map[string]Outcome {
	t.Helper()
	if a.Happens != nil {
		a.Happens(h)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	s := h.Sweeper(append([]remediate.Option{remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin && e.Action == a.Until {
			time.AfterFunc(patience, cancel)
		}
		if a.During != nil && ctx.Err() == nil {
			h.Aside(func() { a.During(h, e) })
		}
	})}, a.Options...)...)

	out, names := map[string]Outcome{}, map[string]string{}
	sv := survey(ctx, t, s)
	for _, v := range volumes {
		d, _ := sv.Find(h.WWID(v.Name))
		out[v.Name] = Outcome{Verdict: d.Verdict}
		names[h.WWID(v.Name)], names[d.WWID] = v.Name, v.Name // a bare disk may go by another name than its map did
		t.Logf("%s is %s: %v", v.Name, d.Verdict, d.Reasons)
	}
	a.clear(ctx, t, s, h, func(x remediate.Result) {
		o := out[names[x.WWID]]
		o.Result, o.Error = x.Outcome, a.class(x.Err)
		out[names[x.WWID]] = o
	})
	for _, v := range volumes {
		o := out[v.Name]
		o.Left = h.Remains(v.Name)
		out[v.Name] = o
	}
	return out
}

// survey looks at the host, and again where a process did not answer in time, as
// happens on a busy machine.
func survey(ctx context.Context, t testing.TB, s *remediate.Sweeper) *remediate.Survey {
	t.Helper()
	for {
		sv, err := s.Survey(ctx)
		if err == nil {
			return sv
		}
		if !errors.Is(err, fs.ErrPermission) || ctx.Err() != nil {
			t.Fatalf("survey: %+v", err)
		}
	}
}

// clear tells the library to clear the act's volumes, and calls note with what it
// says of each.
func (a Act) clear(ctx context.Context, t testing.TB, s *remediate.Sweeper, h Host, note func(remediate.Result)) {
	t.Helper()
	var wwids []string
	for _, v := range a.Clear {
		wwids = append(wwids, h.WWID(v))
	}
	if len(wwids) == 0 {
		return
	}
	r, err := h.Watch(func() (*remediate.Report, error) { return s.Clear(ctx, wwids...) })
	if r == nil || len(r.Results) != len(wwids) {
		t.Fatalf("clear: %+v", err)
	}
	for _, x := range r.Results {
		note(x)
		t.Logf("%s: %s: %s", x.WWID, x.Outcome, x.Reason)
	}
}

// class is which of the library's errors decides about err. Where the caller's
// time is up in the midst of a step, the error is of whatever was being asked.
func (a Act) class(err error) string {
	late := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || as[*remediate.InUseError](err)
	if a.Until != "" && late && !stuck(err) {
		return "no time"
	}
	for name, is := range map[string]bool{
		"": err == nil, "in use": as[*remediate.InUseError](err), "evidence": as[*remediate.EvidenceError](err),
		"not owned": as[*remediate.NotOwnedError](err), "remains": as[*remediate.RemainsError](err),
		"stale plan": as[*remediate.StaleError](err), "breaker": as[*remediate.BreakerError](err),
		"protected": as[*remediate.ProtectedError](err), "locked": as[*remediate.LockedError](err),
		"stuck": stuck(err),
	} {
		if is {
			return name
		}
	}
	return err.Error()
}

func as[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

func stuck(err error) bool {
	var e *remediate.TimeoutError
	return errors.As(err, &e) && e.Stuck
}
