//go:build lab && linux

package scenario

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/internal/lab/soak"
	"github.com/lunsweep/lunsweep/remediate"
)

// soakLimit bounds one sweep of the soak, which runs for hours beside other work:
// how long a call may take is for other scenarios to check.
const soakLimit = 5 * time.Minute

// owns is what the soak knows of who owns what.
func (s *soaker) owns(_ context.Context, sub remediate.Subject) (remediate.Claim, error) {
	v, ok := s.byWWID(sub.WWID)
	switch {
	case ok && soak.Ours(v.lun):
		return remediate.Claim{Owner: remediate.Mine, Source: "the soak"}, nil
	case ok && v.lun == 6:
		return remediate.Claim{Owner: remediate.NotMine, Source: "the soak"}, nil
	}
	return remediate.Claim{}, nil
}

func (s *soaker) bounded() context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), soakLimit)
	s.t.Cleanup(cancel)
	return ctx
}

// sweepByLibrary plans, lets happen what was drawn for the midst, and acts.
func (s *soaker) sweepByLibrary(between []soak.Action) {
	begun := time.Now()
	trace := guest.TracedSelf(s.t)
	p, err := s.sweeper.Plan(s.bounded())
	s.belongs(trace(), nil)
	if s.tripped(err) {
		return
	}
	if err != nil {
		s.fail("plan: %+v", err)
	}
	s.slowest = max(s.slowest, time.Since(begun))
	for _, a := range between {
		s.say("amid the sweep:")
		s.do(a)
		s.deleted[a.LUN] = s.deleted[a.LUN] || a.Kind == soak.DeletePath
		s.stopped = s.stopped || a.Kind == soak.Restart || a.Kind == soak.Crash
	}
	begun = time.Now()
	was := addresses(s.t)
	trace = guest.TracedSelf(s.t)
	r, err := s.sweeper.Execute(s.bounded(), p)
	s.belongs(trace(), append(stepsOf(p), s.since(p, was)...))
	s.slowest = max(s.slowest, time.Since(begun))
	if s.tripped(err) {
		return
	}
	if err != nil {
		s.fail("execute: %+v", err)
	}
	for _, x := range r.Results {
		s.counts[string(x.Outcome)]++
		s.say("%s %s", x.Outcome, x.WWID)
		if x.Outcome != remediate.Removed {
			s.say("(%s)", x.Reason)
		}
	}
}

// since are the steps of the journal that no plan can have: on paths of the plan's
// targets that have turned up since, and what puts right.
func (s *soaker) since(p *remediate.Plan, was map[string]string) []guest.Step {
	return slices.DeleteFunc(journalSteps(s.t, strings.NewReader(s.journal.String()), was), func(step guest.Step) bool {
		undoes := slices.Contains([]remediate.Action{remediate.RestoreQueueing, remediate.ResumeMap, remediate.OnlinePath}, remediate.Action(step.Action))
		return !undoes && !slices.ContainsFunc(p.Targets, func(x remediate.Target) bool { return x.WWID == step.LU })
	})
}

// belongs holds what was done against the steps that it was to be.
func (s *soaker) belongs(tr guest.Trace, steps []guest.Step) {
	if list := tr.Strange(steps); len(list) > 0 {
		s.fail("this was done: %s", strings.Join(list, "; "))
	}
}

// tripped reports whether the circuit breaker ended the sweep.
func (s *soaker) tripped(err error) bool {
	var b *remediate.BreakerError
	if !errors.As(err, &b) {
		return false
	}
	s.stopped = true
	s.counts["breaker"]++
	s.say("(%v)", err)
	return true
}

// sweepByCommand has the sweep command do it.
func (s *soaker) sweepByCommand() {
	const journal = "/tmp/soak.journal"
	_ = os.Remove(journal)
	args := []string{"apply", "-yes", "-dwell", "200ms", "-probe-timeout", "1s", "-max-dead", "70", "-journal", journal}
	s.each(func(v volumeID) {
		if soak.Ours(v.lun) {
			args = append(args, "-own", "wwid:"+s.wwid(v))
		}
	})
	was := addresses(s.t)
	r, tr := guest.SweepTraced(s.t, soakLimit, args...)
	s.slowest = max(s.slowest, r.Took)
	s.say("sweep apply: exit status %d", r.Code)
	b, _ := os.ReadFile(journal)
	_, _ = s.journal.Write(b)
	s.belongs(tr, journalSteps(s.t, bytes.NewReader(b), was))
	switch {
	case strings.Contains(r.Stdout+r.Stderr, "looks dead") || strings.Contains(r.Stdout+r.Stderr, "look dead"):
		s.stopped = true
		s.counts["breaker"]++
	case r.Code == 1: // something was not answered in time; what was done is checked all the same
		s.stopped = true
		s.counts["unfinished"]++
		s.say("(%s)", strings.TrimSpace(r.Stderr[strings.LastIndex(strings.TrimSpace(r.Stderr), "\n")+1:]))
	case r.Code != 0 && r.Code != 3:
		s.fail("sweep apply: exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// stepped lists the WWIDs that the journal says something was done to.
func (j *soakJournal) stepped() []string {
	var out []string
	for line := range strings.Lines(j.String()) {
		var e remediate.Event
		if json.Unmarshal([]byte(line), &e) == nil && e.WWID != "" && !slices.Contains(out, e.WWID) {
			out = append(out, e.WWID)
		}
	}
	return out
}
