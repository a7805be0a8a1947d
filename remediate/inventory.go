package remediate

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/sysfs"
)

// An inventory is which LUNs a target says that it has.
type inventory struct {
	luns  []uint64
	asked string // the disk that it was asked through
}

// inventories are the targets' own, each of which is asked by one for all who
// want to know at about the same time.
type inventories struct {
	apart func(took time.Duration) time.Duration // see shared
	crowd *crowd

	mu sync.Mutex
	of map[target]*shared[inventory]
}

func (i *inventories) look(t target) *shared[inventory] {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.of == nil {
		i.of = map[target]*shared[inventory]{}
	}
	if i.of[t] == nil {
		i.of[t] = &shared[inventory]{apart: i.apart, crowd: i.crowd}
	}
	return i.of[t]
}

// askTarget asks for the inventory of a silent path's target, through the LUs
// beside it.
func (s *Sweeper) askTarget(ctx context.Context, p *Path) {
	t := targetOf(p.HCTL)
	found, err := s.sys.targets.look(t).get(ctx, func(ctx context.Context) (inventory, error) { return s.takeInventory(ctx, t) })
	if err == nil {
		found.judge(p)
	}
}

// takeInventory asks the LUs of a target, the lowest LUNs first and a few at a time,
// until some answer, and one of these for the inventory. Of the rest of the host's
// disks nothing is read. It gives up on a target where nothing comes back.
func (s *Sweeper) takeInventory(ctx context.Context, t target) (inventory, error) {
	addresses, err := s.sys.FS.SCSIAddresses(ctx)
	if err != nil {
		return inventory{}, opError("list the SCSI devices", "", err)
	}
	addresses = slices.DeleteFunc(addresses, func(h sysfs.HCTL) bool { return targetOf(h) != t })
	var via []Path
	untilAnswered(ctx, s.opt.probeTimeout, addresses, func(ctx context.Context, group []sysfs.HCTL) int {
		alive := s.answering(ctx, group)
		via = append(via, alive...)
		return len(alive)
	})
	return s.reportLUNs(ctx, via)
}

// answering asks disks side by side, and lists those that answer.
func (s *Sweeper) answering(ctx context.Context, addresses []sysfs.HCTL) []Path {
	asked := make([]Path, len(addresses))
	var wg sync.WaitGroup
	for i, h := range addresses {
		wg.Go(func() {
			if d, err := s.sys.FS.SCSIDevice(ctx, h); err == nil && isDisk(&d) && d.Block != "" {
				asked[i] = (&scene{}).path(&d, false)
				s.askPath(ctx, &asked[i], &d, "")
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(asked, func(p Path) bool { return p.Answer != Alive })
}

// reportLUNs asks for a target's inventory through the first two of its living
// paths. An inventory that lacks a LUN of which it is known that it answers is not believed.
func (s *Sweeper) reportLUNs(ctx context.Context, via []Path) (inventory, error) {
	err := errors.New("no LU of this target answers")
	for _, p := range via[:min(len(via), 2)] {
		var luns []uint64
		if luns, err = s.luns(ctx, p); err != nil {
			continue
		}
		i := slices.IndexFunc(via, func(q Path) bool { return !lists(luns, q.HCTL.LUN) })
		if i < 0 {
			return inventory{luns, p.name()}, nil
		}
		err = errors.Errorf("REPORT LUNS through %s does not list %s, which answers", p.name(), via[i].name())
	}
	return inventory{}, err
}

func (s *Sweeper) luns(ctx context.Context, p Path) ([]uint64, error) {
	lu, err := s.sys.OpenLU(ctx, s.sys.FS.Path("dev", p.Dev))
	if err != nil {
		return nil, err
	}
	defer lu.Close()
	return lu.ReportLUNs(ctx)
}

// judge says of a silent path that it is Present where the target lists its LUN,
// and Gone where it does not.
func (i inventory) judge(p *Path) {
	if lists(i.luns, p.HCTL.LUN) {
		p.Answer = Present
		p.Proof = fmt.Sprintf("REPORT LUNS through %s lists LUN %d (%s)", i.asked, p.HCTL.LUN, p.Proof)
		return
	}
	p.Answer = Gone
	p.Proof = fmt.Sprintf("REPORT LUNS through %s does not list LUN %d (%s)", i.asked, p.HCTL.LUN, p.Proof)
}
