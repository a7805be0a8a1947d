package remediate

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// dwellPeriod is how far apart the questions are that are asked while the evidence must
// hold, and how long one may take.
const dwellPeriod = time.Second

// dwell lets the dwell time pass between the two looks, and returns, by WWID, what of the
// LUs that are to go has answered meanwhile as if nothing were: one success ends what a
// look has begun. The paths are asked by whose word the LUs are lost. One that does not
// answer in time is left to the second look.
func (s *Sweeper) dwell(ctx context.Context, first *Survey) (back map[string]string, err error) {
	if s.opt.dwell <= 0 {
		return nil, ctx.Err()
	}
	s.tell(Event{Kind: EventWait, Detail: fmt.Sprintf("the evidence must hold for %s", s.opt.dwell), For: s.opt.dwell})
	end := time.Now().Add(s.opt.dwell)
	back = map[string]string{}
	asked := witnessesIn(first)
	for time.Until(end) > dwellPeriod {
		if err := s.pause(ctx, dwellPeriod); err != nil {
			return nil, err
		}
		asked = s.askBetween(ctx, asked, back)
	}
	return back, s.pause(ctx, time.Until(end))
}

// A witness is a path by whose word a LU is lost.
type witness struct {
	wwid string
	path Path
}

// witnessesIn lists the paths that have told, themselves or their target, that a LU is
// gone from there that is to go.
func witnessesIn(sv *Survey) []witness {
	var out []witness
	for _, d := range sv.Devices {
		if !d.Removable {
			continue
		}
		for _, p := range d.Paths {
			if p.Foreign == "" && lost(p) && live(p) {
				out = append(out, witness{d.WWID, p})
			}
		}
	}
	return out
}

// askBetween asks the witnesses, side by side, enters in back who answers as the LU, and
// returns who has answered at all.
func (s *Sweeper) askBetween(ctx context.Context, all []witness, back map[string]string) (answered []witness) {
	ctx, cancel := context.WithTimeout(ctx, dwellPeriod)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, askedAtOnce)
	for _, w := range all {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			p := w.path
			s.askOnce(ctx, &p, w.wwid)
			mu.Lock()
			defer mu.Unlock()
			if p.Answer != NotAsked && p.Answer != Silent {
				answered = append(answered, w)
			}
			if (p.Answer == Alive || p.Answer == Present) && p.Identity != IdentityMismatch {
				back[w.wwid] = p.name() + " was " + p.Answer.String() + " between two looks " + p.Proof
			}
		})
	}
	wg.Wait()
	return answered
}

// askOnce asks a path anew, if it is what it was.
func (s *Sweeper) askOnce(ctx context.Context, p *Path, wwid string) {
	p.forget()
	d, err := s.sys.FS.SCSIDevice(ctx, p.HCTL)
	if err != nil || d.Block != p.Dev {
		return
	}
	s.restate(ctx, p)
	if live(*p) {
		s.askPath(ctx, p, &d, wwid)
	}
}
