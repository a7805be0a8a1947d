package remediate

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A pathProof is what came of asking one path for its identity.
type pathProof struct {
	err    error // nil where it is the wanted LU
	silent bool  // it does not answer, and what is cached of it names the wanted LU
}

// provePaths asks every path side by side, so that several that hang cost one
// time-out. The worst answer is the device's: another LU, then a proof that is
// missing, then mere silence.
func (s *Sweeper) provePaths(ctx context.Context, i *identified, name scsi.Name) error {
	proofs := make([]pathProof, len(i.facts.Paths))
	var wg sync.WaitGroup
	for n, p := range i.facts.Paths {
		wg.Go(func() { proofs[n] = s.provePath(ctx, i, p, name) })
	}
	wg.Wait()
	carried := false
	for n, p := range i.facts.Paths {
		carried = carried || proofs[n].err == nil && (p.InMap || i.facts.Map == nil)
	}
	var worst error
	for _, p := range proofs {
		tolerable := p.silent && carried && s.opt.silentPaths
		if p.err != nil && !tolerable && (worst == nil || severity(p) > severityOf(worst)) {
			worst = p.err
		}
	}
	return worst
}

func severity(p pathProof) int {
	if p.silent {
		return 0
	}
	return severityOf(p.err)
}

func severityOf(err error) int {
	var e *IdentityError
	if errors.As(err, &e) && e.Got != "" {
		return 2
	}
	return 1
}

// provePath holds what the kernel cached of a path, what the LU says of itself
// through it now, and the map's uuid against the wanted name.
func (s *Sweeper) provePath(ctx context.Context, i *identified, p Path, name scsi.Name) pathProof {
	d := i.sc.disk[p.Dev]
	if d == nil || p.Dev == "" {
		return pathProof{err: missing(p.name(), "is no SCSI disk that could be asked", nil)}
	}
	cached, err := scsi.ParseDesignators(d.VPD83)
	known := err == nil && len(claimed(d)) > 0
	switch {
	case known && !name.In(cached):
		return pathProof{err: another(p.Dev, believed(d), "is another LU to the kernel, which found it as "+believed(d))}
	case settling(p.State):
		return pathProof{err: missing(p.Dev, fmt.Sprintf("is %q: the kernel has not decided about it yet", p.State), nil)}
	case p.State != sysfs.StateRunning:
		return pathProof{err: missing(p.Dev, "does not answer: its state is "+or(p.State, "unknown"), nil), silent: known}
	}
	live, err := s.introduce(ctx, p)
	switch {
	case err != nil:
		return unanswered(p, known, err)
	case !name.In(live.designators):
		return pathProof{err: another(p.Dev, live.wwid(), "answers as another LU, "+or(live.wwid(), "without a name"))}
	case known && contradicts(cached, live.designators):
		return pathProof{err: another(p.Dev, believed(d), "was found by the kernel as another LU, "+believed(d))}
	case i.facts.Map != nil && !live.goesBy(i.facts.WWID):
		return pathProof{err: another(p.Dev, i.facts.WWID, "answers as the wanted LU, but the map's uuid says "+i.facts.WWID)}
	}
	return pathProof{}
}

func contradicts(cached, live []scsi.Designator) bool {
	same, sure := scsi.SameLU(cached, live)
	return sure && !same
}

// unanswered is the proof of a path through which no identity came back.
func unanswered(p Path, known bool, err error) pathProof {
	switch a, proof := answerOf(err); a {
	case Gone:
		return pathProof{err: missing(p.Dev, "leads nowhere, the target says: "+proof, nil)}
	case Silent:
		return pathProof{err: missing(p.Dev, "does not answer", err), silent: known}
	}
	return pathProof{err: missing(p.Dev, "does not say which LU it is", err)}
}

// An introduction is what an LU says of itself through one path.
type introduction struct {
	designators []scsi.Designator
	wwids       []string // what multipath could make of it, best first
}

// introduce sends INQUIRY, for the standard data and the pages 0x83 and 0x80.
// TEST UNIT READY is not for here: an LU on standby is not ready, and is itself.
func (s *Sweeper) introduce(ctx context.Context, p Path) (introduction, error) {
	lu, err := s.sys.OpenLU(ctx, s.sys.FS.Path("dev", p.Dev))
	if err != nil {
		return introduction{}, err
	}
	defer lu.Close()
	inq, err := lu.Inquiry(ctx)
	if err != nil {
		return introduction{}, err
	}
	if inq.Qualifier != 0 {
		return introduction{}, errors.Errorf("no LU is connected to this LUN (peripheral qualifier %d)", inq.Qualifier)
	}
	var in introduction
	if in.designators, err = lu.Designators(ctx); err != nil {
		return introduction{}, err
	}
	serial, _ := lu.SerialNumber(ctx) // not every LU has the page
	in.wwids = scsi.WWIDs(in.designators, inq.Vendor, inq.Product, serial)
	return in, nil
}

func (in introduction) wwid() string {
	if len(in.wwids) == 0 {
		return ""
	}
	return in.wwids[0]
}

// goesBy reports whether a map of this WWID can be this LU's.
func (in introduction) goesBy(wwid string) bool {
	n, err := scsi.ParseName(wwid)
	return slices.Contains(in.wwids, wwid) || err == nil && n.In(in.designators)
}
