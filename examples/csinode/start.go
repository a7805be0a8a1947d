package main

import (
	"context"
	"log/slog"
	"time"
)

// sweepAtStart removes what a reboot or a crash has left behind: whatever is
// dead and unused, and ours by the records. It is a sweep over the whole host,
// so the circuit breaker watches it. That it does not succeed keeps nobody from
// serving: each volume is cleared again by name when it comes or goes.
func (n *node) sweepAtStart(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	plan, err := n.sweeper.Plan(ctx)
	if err != nil {
		slog.Warn("sweep at start: no plan", "error", err.Error())
		return
	}
	report, err := n.sweeper.Execute(ctx, plan)
	if err != nil {
		slog.Warn("sweep at start", "error", err.Error())
		return
	}
	for _, r := range report.Results {
		slog.Info("sweep at start", "wwid", r.WWID, "outcome", r.Outcome, "reason", r.Reason)
	}
}
