package remediate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/pkg/errors"
)

// An inventory is which LUNs a target says that it has.
type inventory struct {
	luns  []uint64
	asked string // the disk that it was asked through
}

// inventories are the targets' own, each of which is asked by one for all who
// want to know at about the same time.
type inventories struct {
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
		i.of[t] = &shared[inventory]{}
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

// takeInventory asks the LUs of a target, a few at a time, until some answer, and
// one of these for the inventory.
func (s *Sweeper) takeInventory(ctx context.Context, t target) (inventory, error) {
	sc := &scene{}
	var err error
	if sc.devices, err = s.sys.SCSIDevices(ctx); err != nil {
		return inventory{}, opError("read the SCSI devices", "", err)
	}
	sc.index()
	var all []*Path
	for i := range sc.devices {
		if d := &sc.devices[i]; targetOf(d.HCTL) == t && isDisk(d) {
			p := sc.path(d, false)
			all = append(all, &p)
		}
	}
	s.askUntilAnswered(ctx, sc, all)
	var via []Path
	for _, p := range all {
		if p.Answer == Alive {
			via = append(via, *p)
		}
	}
	slices.SortFunc(via, func(a, b Path) int { return cmp.Compare(a.HCTL.LUN, b.HCTL.LUN) })
	return s.reportLUNs(ctx, via)
}

// reportLUNs asks for a target's inventory through the first two of its living
// paths. An inventory that lacks the LUN it was asked through is not believed.
func (s *Sweeper) reportLUNs(ctx context.Context, via []Path) (inventory, error) {
	err := errors.New("no LU of this target answers")
	for _, p := range via[:min(len(via), 2)] {
		var luns []uint64
		if luns, err = s.luns(ctx, p); err != nil {
			continue
		}
		if lists(luns, p.HCTL.LUN) {
			return inventory{luns, p.name()}, nil
		}
		err = errors.Errorf("REPORT LUNS through %s does not list it", p.name())
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
