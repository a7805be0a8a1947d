package main

import (
	"context"
	"io/fs"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// plan makes a plan, and writes it where -o says.
func plan(ctx context.Context, s *session) error {
	if err := checkOut(s.out); err != nil {
		return err
	}
	sw, err := s.sweeper(ctx)
	if err != nil {
		return err
	}
	p, err := s.makePlan(ctx, sw)
	if err != nil || s.out == "" {
		return err
	}
	return aboutFile(writePlan(s.out, p), "write the plan")
}

// makePlan makes the plan and notes it, with the survey behind it. Where rights
// are missing there is no plan; what could be seen is noted all the same.
func (s *session) makePlan(ctx context.Context, sw *remediate.Sweeper) (*remediate.Plan, error) {
	p, err := sw.Plan(ctx)
	if p == nil {
		return nil, err
	}
	s.doc.survey(p.Survey)
	if errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	s.doc.Plan, s.doc.applyWith = p, s.applyWith()
	return p, err
}

func showPlan(p *page, d *document) {
	if d.Plan == nil {
		showScan(p, d)
		return
	}
	p.plan(d)
	p.summary(d)
}
