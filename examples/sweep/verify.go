package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// verify checks whether the LUs in question are gone. Only where one is not,
// it looks at the host as a whole, to say what the rest of it is.
func verify(ctx context.Context, s *session) error {
	targets, err := s.toVerify(ctx)
	if err != nil {
		return err
	}
	sw, err := s.sweeper(ctx)
	if err != nil {
		return err
	}
	if p := s.doc.Plan; p != nil && p.Host != string(s.doc.Host) {
		return errors.Errorf("the plan was made for host %s, this is %s", p.Host, s.doc.Host)
	}
	found, err := sw.Verify(ctx, targets...)
	s.doc.verified(found)
	if err != nil || !s.doc.left() {
		return err
	}
	sv, err := sw.Survey(ctx)
	s.doc.survey(only(sv, targets))
	return errors.WithMessage(err, "look what is left")
}

// toVerify is what -plan or the arguments name.
func (s *session) toVerify(ctx context.Context) ([]remediate.Target, error) {
	if s.plan != "" {
		p, err := readPlan(ctx, s.plan, s.stdin)
		if err != nil {
			return nil, err
		}
		s.doc.Plan = p
		return p.Targets, nil
	}
	var out []remediate.Target
	for _, w := range s.args {
		out = append(out, remediate.Target{WWID: w})
	}
	return out, nil
}

// only is the part of a survey that is about the targets.
func only(sv *remediate.Survey, targets []remediate.Target) *remediate.Survey {
	if sv == nil {
		return nil
	}
	part := *sv
	part.Devices = slices.DeleteFunc(slices.Clone(sv.Devices), func(d remediate.Device) bool {
		return !slices.ContainsFunc(targets, func(t remediate.Target) bool { return t.WWID == d.WWID })
	})
	return &part
}

// asResult puts a verification into the form of a result: nothing was changed.
func asResult(v remediate.Verification) remediate.Result {
	r := remediate.Result{WWID: v.WWID, Outcome: remediate.Absent, Reason: "is gone", Steps: []remediate.StepResult{}}
	if !v.Gone {
		r.Outcome, r.Reason = remediate.Refused, "is still there: "+strings.Join(v.Remains, ", ")
	}
	return r
}

func showVerify(p *page, d *document) {
	for _, v := range d.Verified {
		word := p.style.good("gone")
		if !v.Gone {
			word = p.style.bad("THERE")
		}
		p.line("%s  %s", word, d.name(v.WWID))
		for _, r := range v.Remains {
			p.line("       still there: %s", r)
		}
		for _, n := range v.Notes {
			p.line("       note: %s", n)
		}
	}
	if len(d.Devices) > 0 {
		p.line("")
		p.devices(d, d.Devices)
	}
	if len(d.Verified) > 0 || d.Error == nil {
		p.line("%s", verdictOf(d.Verified))
	}
}

func verdictOf(all []remediate.Verification) string {
	left := 0
	for _, v := range all {
		if !v.Gone {
			left++
		}
	}
	switch {
	case len(all) == 0:
		return "nothing was asked about: the plan has no devices"
	case left > 0:
		return fmt.Sprintf("%d of %d still there", left, len(all))
	}
	return fmt.Sprintf("all %d gone", len(all))
}
