package remediate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/park"
	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// ask fills in what the LU behind each path says of itself, now. Paths that
// must not be asked (their queue is stopped: the command would wait with it)
// and those that cannot (offline) are left at NotAsked and Silent.
// The paths are asked side by side, so that several that hang cost one time-out.
func (s *Sweeper) ask(ctx context.Context, sc *scene, f *Facts) {
	var wg sync.WaitGroup
	for i := range f.Paths {
		p := &f.Paths[i]
		if d := sc.disk[p.Dev]; d != nil {
			wg.Go(func() { sc.closed.note(s.openAndAsk(ctx, p, d, f.WWID)) })
		}
	}
	wg.Wait()
}

// forget takes back what was answered.
func (p *Path) forget() {
	p.Answer, p.Proof, p.Identity, p.LiveWWID, p.NotConnected = NotAsked, "", IdentityUnknown, "", false
}

// transports fills in the states of the paths' sessions and remote ports, each
// of which is read once.
func (s *Sweeper) transports(ctx context.Context, sc *scene, lus []*Facts, wanted func(*Facts) bool) {
	var paths []*Path
	var devices []sysfs.HCTL
	for _, f := range lus {
		if !wanted(f) {
			continue
		}
		for i := range f.Paths {
			if p := &f.Paths[i]; sc.disk[p.Dev] != nil {
				paths, devices = append(paths, p), append(devices, p.HCTL)
			}
		}
	}
	by, _ := s.sys.FS.Transports(ctx, devices) // what cannot be told is unknown
	for _, p := range paths {
		if t, ok := by[p.HCTL]; ok {
			p.over(t)
		}
	}
}

// over notes what carries the path.
func (p *Path) over(t sysfs.Transport) {
	p.Link = t.Link
	if t.Name != "" {
		p.Transport = t.Name + " " + or(t.State, "unknown")
	}
}

// askPath sends INQUIRY, TEST UNIT READY and INQUIRY page 0x83 through one path.
func (s *Sweeper) askPath(ctx context.Context, p *Path, d *sysfs.SCSIDevice, wwid string) {
	_ = s.openAndAsk(ctx, p, d, wwid) // the answer says it, too
}

// openAndAsk is askPath, and returns why the disk could not be opened.
func (s *Sweeper) openAndAsk(ctx context.Context, p *Path, d *sysfs.SCSIDevice, wwid string) error {
	if settling(p.State) {
		p.Proof = "its state is " + p.State
		return nil
	}
	if p.State != "running" {
		p.Answer, p.Proof = Silent, "its state is "+or(p.State, "unknown")
		return nil
	}
	lu, err := s.sys.OpenLU(ctx, s.sys.FS.Path("dev", p.Dev))
	if err != nil {
		p.Answer, p.Proof = answerOf(err)
		return err
	}
	defer lu.Close()
	p.Answer, p.Proof, p.NotConnected = askLU(ctx, lu)
	if p.Answer == Alive || p.Answer == Present || p.NotConnected {
		p.Identity, p.LiveWWID = compare(ctx, lu, d, wwid, p.InMap)
	}
	switch {
	case p.NotConnected && p.Identity == IdentityMatch:
		p.Answer, p.NotConnected, p.Proof = Present, false, p.Proof+", and yet it tells which LU it is"
	case p.NotConnected:
		p.Identity, p.LiveWWID = IdentityUnknown, ""
	}
	return nil
}

// A closed counts the disks that we have no right to open.
type closed struct {
	mu  sync.Mutex
	n   int
	why error // of the first
}

func (c *closed) note(err error) {
	if !notAllowed(err) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n++; c.why == nil {
		c.why = err
	}
}

// askLU asks whether the LU is there. INQUIRY comes first: it does not consume
// a unit attention, and it alone tells of a LUN without a LU behind it. A LU that
// is connected by its word is there, whatever becomes of TEST UNIT READY, unless
// the target takes it back.
func askLU(ctx context.Context, lu logicalUnit) (a Answer, proof string, notConnected bool) {
	inq, err := lu.Inquiry(ctx)
	if err != nil {
		a, proof = answerOf(err)
		return a, proof, false
	}
	if inq.Qualifier != 0 {
		return askUnconnected(ctx, lu, inq.Qualifier)
	}
	if err := lu.TestUnitReady(ctx); err != nil {
		if a, proof = answerOf(err); a == Silent {
			return Present, "INQUIRY says that it is there, but " + proof, false
		}
		return a, proof, false
	}
	return Alive, "", false
}

// notNow is the peripheral qualifier of a LUN that could have a LU, and has none.
// It is also what a LU must say of itself while its target port is unavailable, as
// in a failover (SPC-4, 5.15.2.4.5): it answers TEST UNIT READY with 02/04/0c.
const notNow = 1

// askUnconnected asks a LUN whose qualifier is not 0 whether no LU is there at all.
func askUnconnected(ctx context.Context, lu logicalUnit, qualifier uint8) (a Answer, proof string, notConnected bool) {
	proof = fmt.Sprintf("INQUIRY says peripheral qualifier %d: no LU is connected to this LUN", qualifier)
	if qualifier != notNow {
		return Gone, proof, true
	}
	if err := lu.TestUnitReady(ctx); err != nil {
		a, said := answerOf(err)
		return a, proof + ", " + said, a == Gone
	}
	return Gone, proof, true
}

// answerOf is what a failed command says about the LU. Only LOGICAL UNIT NOT
// SUPPORTED says that it is gone. Any other status comes from a LU that exists,
// if only to report a conflict. What the transport or the kernel reports in its
// stead is silence, and all the rest says nothing about the LU at all.
func answerOf(err error) (Answer, string) {
	var st *scsi.StatusError
	switch {
	case errors.As(err, &st) && st.NotSupported():
		return Gone, fmt.Sprintf("%s: %s", st.Op, st.Sense)
	case errors.As(err, &st) && st.Host == 0:
		return Present, st.Error()
	case errors.As(err, &st), silence(err):
		return Silent, err.Error()
	}
	return NotAsked, err.Error()
}

// silence reports whether the kernel knows the device and gets nothing from it.
func silence(err error) bool {
	var stuck *park.StuckError
	var full *park.LimitError
	if errors.As(err, &full) || errors.As(err, &stuck) && !stuck.Began {
		return false // it was not even asked
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ENXIO) || errors.Is(err, syscall.ENODEV) || errors.Is(err, syscall.EIO)
}

// compare holds the live identity against what the host believes: the page
// 0x83 that the kernel cached, and, for a path in a map, the map's WWID.
func compare(ctx context.Context, lu logicalUnit, d *sysfs.SCSIDevice, wwid string, inMap bool) (Identity, string) {
	liveIDs, err := lu.Designators(ctx)
	if err != nil {
		return IdentityUnknown, ""
	}
	serial, _ := lu.SerialNumber(ctx)
	wwids := scsi.WWIDs(liveIDs, d.Vendor, d.Model, serial)
	first := ""
	if len(wwids) > 0 {
		first = wwids[0]
	}
	cached, _ := scsi.ParseDesignators(d.VPD83) // without them nothing is sure
	same, sure := scsi.SameLU(cached, liveIDs)
	known := claimed(d)
	switch its := bears(known, wwid); {
	case sure && !same && inMap && foreign(d, wwid) != "" && bears(wwids, wwid):
		return IdentityUnknown, first // the map's own LU, on what is another's disk to the kernel
	case sure && !same:
		return IdentityMismatch, first
	case sure && its, bears(wwids, wwid): // if not by every name that was cached
		return IdentityMatch, first
	case its && slices.ContainsFunc(known, func(n string) bool { return slices.Contains(wwids, n) }):
		return IdentityUnknown, first // a serial number proves nothing, but speaks against another LU
	case inMap && derivable(wwid) && first != "":
		return IdentityMismatch, first
	}
	return IdentityUnknown, first
}

// derivable reports whether a map's WWID has the form that page 0x83 gives, so
// that a live page without it is a contradiction. Other WWIDs come from
// udev rules or callouts that cannot be repeated here.
func derivable(wwid string) bool {
	if len(wwid) != 17 && len(wwid) != 33 || wwid[0] != '3' && wwid[0] != '2' {
		return false
	}
	for _, c := range wwid[1:] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// inventories asks each target that has a living LU for its LUN inventory, and
// turns Silent into Gone for the LUNs that it does not list, and into Present
// for those that it does. One LU is asked
// for each target.
func (s *Sweeper) inventories(ctx context.Context, lus []*Facts) {
	silent := map[target][]*Path{}
	for _, f := range lus {
		for i := range f.Paths {
			if p := &f.Paths[i]; p.Answer == Silent && live(*p) {
				silent[targetOf(p.HCTL)] = append(silent[targetOf(p.HCTL)], p)
			}
		}
	}
	via := map[target][]Path{} // all of them before the first answer is changed
	for t := range silent {
		via[t] = living(t, lus)
	}
	var wg sync.WaitGroup
	for t, paths := range silent {
		wg.Go(func() { s.listed(ctx, via[t], paths) })
	}
	wg.Wait()
}

// listed asks a living path for its target's inventory.
func (s *Sweeper) listed(ctx context.Context, via []Path, silent []*Path) {
	found, err := s.reportLUNs(ctx, via)
	if err != nil {
		return
	}
	for _, p := range silent {
		found.judge(p)
	}
}

type target struct{ host, channel, id int }

func targetOf(h sysfs.HCTL) target { return target{h.Host, h.Channel, h.Target} }

// living lists a target's paths that answer, the lowest LUN first, because LUN
// 0 is the one that must support REPORT LUNS.
func living(t target, lus []*Facts) []Path {
	var via []Path
	for _, f := range lus {
		for _, p := range f.Paths {
			if p.Answer == Alive && targetOf(p.HCTL) == t {
				via = append(via, p)
			}
		}
	}
	slices.SortFunc(via, func(a, b Path) int { return cmp.Compare(a.HCTL.LUN, b.HCTL.LUN) })
	return via
}
