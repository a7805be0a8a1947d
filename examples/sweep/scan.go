package main

import (
	"context"
	"strings"

	"github.com/lunsweep/lunsweep/remediate"
)

// scan looks once and judges.
func scan(ctx context.Context, s *session) error {
	s.doc.brief = s.brief
	sw, err := s.sweeper(ctx)
	if err != nil {
		return err
	}
	sv, err := sw.Survey(ctx)
	s.doc.survey(sv)
	return err
}

func showScan(p *page, d *document) {
	if d.brief {
		p.brief(d)
		return
	}
	p.devices(d, d.Devices)
	p.summary(d)
	if d.residual() > 0 {
		p.line("%s", p.style.dim("next: sweep plan -own SEL -o FILE, where SEL says what is ours (see: sweep plan -h)"))
	}
}

// brief writes one line where something residual is there, none where nothing
// is: a cron job mails what it is told, and a monitor shows one line.
func (p *page) brief(d *document) {
	if d.residual() == 0 {
		return
	}
	var all []string
	for _, x := range d.Devices {
		if x.Verdict.Residual() {
			all = append(all, briefName(x)+" is "+x.Verdict.String())
		}
	}
	p.line("%s: %d residual: %s", d.Host, len(all), strings.Join(all, ", "))
}

func briefName(x remediate.Device) string {
	if x.Map != nil {
		return x.Map.Name + " (" + x.WWID + ")"
	}
	return x.WWID
}
