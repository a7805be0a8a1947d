package main

import (
	"fmt"
	"time"

	"github.com/lunsweep/lunsweep/remediate"
)

// results writes what became of each LU of the plan, with the steps of those
// that were left.
func (p *page) results(d *document) {
	if d.Plan == nil || len(d.Results) == 0 {
		return
	}
	p.line("%s on %s:", p.style.bold("Result of plan "+d.Plan.ID), d.Host)
	for _, r := range d.Results {
		p.result(d, r)
	}
	p.line("")
}

func (p *page) result(d *document, r remediate.Result) {
	word := fmt.Sprintf("%-7s", r.Outcome)
	if r.Outcome == remediate.Removed || r.Outcome == remediate.Absent {
		p.line("  %s  %s: %s (%s)", p.style.good(word), d.name(r.WWID), r.Reason, effort(r))
		return
	}
	p.line("  %s  %s", p.style.bad(word), d.name(r.WWID))
	p.line("           %s", r.Reason)
	for _, s := range r.Steps {
		p.line("           %-17s %-10s %s, %s", s.Action, s.Target, s.Outcome, brief(s.Took))
	}
}

func effort(r remediate.Result) string {
	var all time.Duration
	for _, s := range r.Steps {
		all += s.Took
	}
	return fmt.Sprintf("%d steps, %s", len(r.Steps), brief(all))
}

func brief(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// left says what residual devices there are after an apply.
func (p *page) left(d *document) {
	if !d.looked {
		if len(d.Results) > 0 {
			p.line("What is left was not looked at.")
		}
		return
	}
	switch {
	case d.residual() > 0:
		p.line("%s", p.style.bad("What is left:"))
		p.devices(d, d.Devices[:d.residual()])
	case d.Error != nil:
		p.line("%s", p.style.odd("Nothing residual was seen, but not all could be looked at."))
	default:
		p.line("%s", p.style.good("Nothing residual is left."))
	}
	p.summary(d)
}
