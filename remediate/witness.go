package remediate

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

const (
	enoughWitnesses = 2 // who answer: the inventory is asked through these
	askedTogether   = 4
)

// witnesses asks, for each target on which a wanted LU is silent, LUs beside it
// that are not wanted, until two of them answer: through one of these its
// inventory can be had.
func (s *Sweeper) witnesses(ctx context.Context, sc *scene, lus []*Facts, wanted func(*Facts) bool) {
	needed, others := map[target]bool{}, map[target][]*Path{}
	for _, f := range lus {
		for i := range f.Paths {
			p := &f.Paths[i]
			switch t := targetOf(p.HCTL); {
			case !wanted(f):
				others[t] = append(others[t], p)
			case p.Answer == Silent && live(*p):
				needed[t] = true
			}
		}
	}
	var wg sync.WaitGroup
	for t := range needed {
		wg.Go(func() { s.askUntilAnswered(ctx, sc, others[t]) })
	}
	wg.Wait()
}

// askUntilAnswered asks paths to different LUs of one target, a few at a time,
// until enough of them answer: those that work by the look of them first. It
// gives up on a target where nothing comes back.
func (s *Sweeper) askUntilAnswered(ctx context.Context, sc *scene, paths []*Path) {
	slices.SortStableFunc(paths, func(a, b *Path) int {
		return cmp.Or(cmp.Compare(failedState(a), failedState(b)), cmp.Compare(a.HCTL.LUN, b.HCTL.LUN))
	})
	untilAnswered(ctx, s.opt.probeTimeout, paths, func(ctx context.Context, group []*Path) (alive int) {
		var wg sync.WaitGroup
		for _, p := range group {
			if d := sc.disk[p.Dev]; d != nil {
				wg.Go(func() { s.askPath(ctx, p, d, "") })
			}
		}
		wg.Wait()
		for _, p := range group {
			if p.Answer == Alive {
				alive++
			}
		}
		return alive
	})
}

// untilAnswered has a few asked at a time, until enough of them have answered. It
// gives up after two time-outs of a probe.
func untilAnswered[T any](ctx context.Context, timeout time.Duration, all []T, ask func(context.Context, []T) (alive int)) {
	ctx, cancel := context.WithTimeout(ctx, 2*timeout)
	defer cancel()
	answered := 0
	for group := range slices.Chunk(all, askedTogether) {
		if answered += ask(ctx, group); answered >= enoughWitnesses || ctx.Err() != nil {
			return
		}
	}
}

// failedState is 1 for a path that its map has failed.
func failedState(p *Path) int {
	if p.DMState == "failed" {
		return 1
	}
	return 0
}
