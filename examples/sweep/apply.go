package main

import (
	"context"
	"os"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// apply executes the plan of -plan, or one made on the spot, and looks what is
// left then.
func apply(ctx context.Context, s *session) error {
	journal, err := openJournal(ctx, s.journal)
	if err != nil {
		return err
	}
	defer journal.Close()
	sw, p, err := s.toApply(ctx, journal)
	if err != nil || len(p.Targets) == 0 && p.Survey != nil {
		return err
	}
	r, err := sw.Execute(ctx, p)
	if err != nil {
		return err
	}
	s.doc.report(r)
	after, err := sw.Survey(ctx)
	s.doc.survey(after)
	return errors.WithMessage(err, "look what is left")
}

// toApply is the plan to be executed, and the Sweeper to do it.
func (s *session) toApply(ctx context.Context, journal *os.File) (*remediate.Sweeper, *remediate.Plan, error) {
	var opts []remediate.Option
	if journal != nil {
		opts = append(opts, remediate.WithJournal(journal))
	}
	if s.plan != "" {
		return s.readyMade(ctx, opts)
	}
	if err := checkOut(s.out); err != nil {
		return nil, nil, err
	}
	sw, err := s.sweeper(ctx, opts...)
	if err != nil {
		return nil, nil, err
	}
	if err := s.recover(ctx, sw); err != nil {
		return nil, nil, err
	}
	p, err := s.makePlan(ctx, sw)
	if err == nil && s.out != "" {
		err = aboutFile(writePlan(s.out, p), "write the plan")
	}
	if err == nil && !s.json {
		s.progress.pause()
		s.page.plan(s.doc)
		err = s.page.flush()
	}
	return sw, p, err
}

// readyMade is the plan of -plan. Handing it in says again what was said when
// it was made: that its devices are ours, which of them are detached, and by
// which rule they count as dead. -own still has the last word.
func (s *session) readyMade(ctx context.Context, opts []remediate.Option) (*remediate.Sweeper, *remediate.Plan, error) {
	p, err := readPlan(ctx, s.plan, s.stdin)
	if err != nil {
		return nil, nil, err
	}
	s.doc.Plan = p
	s.runbook = s.runbook || p.Rule.Runbook
	sw, err := s.sweeper(ctx, append(opts, remediate.WithOwner(s.owner(plannedFor(p))))...)
	return sw, p, err
}

// openJournal opens the journal to be appended to; without a name it is nil.
func openJournal(ctx context.Context, name string) (*os.File, error) {
	if name == "" {
		return nil, nil
	}
	return within(ctx, "open the journal", func() (*os.File, error) {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		return f, aboutFile(err, "open the journal")
	})
}

func showApply(p *page, d *document) {
	p.recovered(d)
	p.results(d)
	p.left(d)
}
