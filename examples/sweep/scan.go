package main

import "context"

// scan looks once and judges.
func scan(ctx context.Context, s *session) error {
	sw, err := s.sweeper()
	if err != nil {
		return err
	}
	sv, err := sw.Survey(ctx)
	s.doc.survey(sv)
	return err
}

func showScan(p *page, d *document) {
	p.devices(d, d.Devices)
	p.summary(d)
	if d.residual() > 0 {
		p.line("%s", p.style.dim("next: sweep plan -own SEL -o FILE, where SEL says what is ours (see: sweep plan -h)"))
	}
}
