package main

import (
	"context"
	"slices"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// recover puts right what killed runs have left, before the host is looked at
// for a plan: a path that is switched off cannot be asked.
func (s *session) recover(ctx context.Context, sw *remediate.Sweeper) error {
	done, err := sw.Recover(ctx)
	s.doc.Recovered = append(s.doc.Recovered, done...)
	return errors.WithMessage(err, "put right what earlier runs have left")
}

// unrecovered reports whether something is not right yet.
func (d *document) unrecovered() bool {
	return slices.ContainsFunc(d.Recovered, func(r remediate.Recovery) bool { return r.Err != nil })
}

// recovered says what was put right, or was not.
func (p *page) recovered(d *document) {
	for _, r := range d.Recovered {
		if r.WWID != "" {
			p.line("%s", r.Unfinished)
		}
		for _, s := range r.Steps {
			p.line("  %-17s %-10s %s, %s", s.Action, s.Target, s.Outcome, brief(s.Took))
		}
		if r.Err != nil {
			p.line("  %s %v", p.style.bad("not right yet:"), r.Err)
		}
	}
}
