package main

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/lunsweep/lunsweep/remediate"
)

// An agent looks at its node again and again.
type agent struct {
	cfg       config
	log       *slog.Logger
	sweeper   *remediate.Sweeper
	volumes   *volumes
	metrics   *metrics
	events    events
	condition conditionWriter
	now       func() time.Time

	seen  map[string]time.Time // since when each residual LU has been seen
	ended atomic.Int64         // when the last round ended, in Unix seconds
}

// loop makes a round every interval, give or take a fifth, so that a fleet does
// not look, or ask the API server, all at once. The first comes within a fifth.
func (a *agent) loop(ctx context.Context) {
	fifth := a.cfg.interval / 5
	next := rand.N(fifth + 1)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(next):
		}
		if err := a.round(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("round", "err", err)
		}
		next = a.cfg.interval - fifth + rand.N(2*fifth+1)
	}
}

// round looks, reports, and with -apply removes what the plan says.
func (a *agent) round(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.timeout)
	defer cancel()
	defer func() { a.ended.Store(a.now().Unix()) }()
	if err := a.recover(ctx); err != nil {
		a.log.Error("put right what an earlier run has left", "err", err)
	}
	plan, err := a.sweeper.Plan(ctx)
	if plan == nil {
		a.metrics.round("error")
		return errors.Join(err, a.tell(ctx, nil, err))
	}
	a.note(plan.Survey)
	a.metrics.survey(plan.Survey, a.volumes.volumeName, a.oldest())
	a.metrics.stuck(0)
	if err != nil {
		a.metrics.round(roundOf(err))
		a.events.planned(plan, err)
		return errors.Join(err, a.tell(ctx, plan.Survey, err))
	}
	a.events.planned(plan, nil)
	err = a.execute(ctx, plan)
	a.metrics.round(roundOf(err))
	return errors.Join(err, a.tell(ctx, plan.Survey, err))
}

// recover puts right what a run has left that was killed with its pod.
func (a *agent) recover(ctx context.Context) error {
	if !a.cfg.apply {
		return nil
	}
	done, err := a.sweeper.Recover(ctx)
	for _, r := range done {
		a.log.Info("put right", "wwid", r.WWID, "left", r.String(), "err", r.Err)
	}
	return err
}

// execute does what the plan says, where that was asked for.
func (a *agent) execute(ctx context.Context, plan *remediate.Plan) error {
	if !a.cfg.apply || len(plan.Targets) == 0 {
		return nil
	}
	report, err := a.sweeper.Execute(ctx, plan)
	if err != nil {
		return err
	}
	for _, r := range report.Results {
		a.log.Info("result", "wwid", r.WWID, "outcome", r.Outcome, "reason", r.Reason)
		a.metrics.result(r)
		a.events.result(r)
		if r.Outcome == remediate.Removed || r.Outcome == remediate.Absent {
			delete(a.seen, r.WWID)
		}
	}
	return report.Err()
}

// note remembers since when each residual LU has been seen.
func (a *agent) note(s *remediate.Survey) {
	before := a.seen
	a.seen = map[string]time.Time{}
	for _, d := range s.Residual() {
		since, known := before[d.WWID]
		if !known {
			since = a.now()
		}
		a.seen[d.WWID] = since
	}
}

// oldest is for how long the oldest residual LU has been seen.
func (a *agent) oldest() time.Duration {
	var oldest time.Duration
	for _, since := range a.seen {
		oldest = max(oldest, a.now().Sub(since))
	}
	return oldest
}

// tell writes the node condition: s is what was seen, nil where nothing was.
func (a *agent) tell(ctx context.Context, s *remediate.Survey, err error) error {
	if !a.cfg.condition {
		return nil
	}
	return a.condition.write(ctx, conditionOf(s, len(a.seen), err, a.now()))
}

// roundOf is a round's result as the metrics call it.
func roundOf(err error) string {
	var breaker *remediate.BreakerError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &breaker):
		return "breaker"
	}
	return "error"
}
