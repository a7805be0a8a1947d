package remediate

import (
	"slices"
	"strings"
	"time"

	"github.com/lunsweep/lunsweep/internal/park"
	"github.com/lunsweep/lunsweep/multipath"
)

// A StuckCall is something that this Sweeper has begun, that has not come back,
// and that nobody waits for any more: a call into the kernel, a program, an
// [Owner], or a write to the journal or the lock directory. It ends when what it waits for does. Until
// then nothing is begun a second time that would only wait beside it.
type StuckCall struct {
	What  string    `json:"what"`            // "read of …", "write to …", "command to /dev/sdi"
	Since time.Time `json:"since"`           // when it was begun
	WChan string    `json:"wchan,omitempty"` // the kernel function that it sleeps in, where that is to be seen
}

// Stuck lists what is stuck, oldest first: a gauge, which should be 0. Each one
// holds a thread, and for as long as it sleeps in the kernel it can keep this
// process from ending. Their number is bounded, kind by kind: 64 reads of block
// devices, 1,024 SCSI commands, and 64 of everything else.
func (s *Sweeper) Stuck() []StuckCall {
	var all []StuckCall
	for _, c := range s.sys.Reader.Stuck() {
		what := "direct read of "
		if c.Claim {
			what = "exclusive open of "
		}
		all = append(all, StuckCall{what + c.Key, c.Since, c.WChan})
	}
	for _, c := range s.sys.FS.Stuck() {
		what := c.Key
		if !strings.HasPrefix(what, "read ") {
			what = "write to " + what
		}
		all = append(all, StuckCall{what, c.Since, c.WChan})
	}
	if s.sys.disks != nil {
		for _, c := range s.sys.disks.Stuck() {
			all = append(all, StuckCall{"command to " + c.Path, c.Since, c.WChan})
		}
	}
	all = append(all, parked("owner of ", s.owners)...)
	for _, c := range s.calm.byID.Stuck() {
		all = append(all, StuckCall(c))
	}
	for _, c := range s.locks.Stuck() {
		all = append(all, StuckCall{"lock directory: " + c.Key, c.Since, c.WChan})
	}
	if s.opt.journal != nil {
		all = append(all, parked("", s.opt.journal.lot)...)
	}
	for _, part := range []any{s.sys.Kernel, s.sys.Daemon} {
		if p, ok := part.(sticky); ok {
			for _, c := range p.Stuck() {
				all = append(all, StuckCall(c))
			}
		}
	}
	slices.SortStableFunc(all, func(a, b StuckCall) int { return a.Since.Compare(b.Since) })
	return all
}

// sticky is what may leave calls behind.
type sticky interface{ Stuck() []multipath.StuckCall }

var (
	_ sticky = (*multipath.Socket)(nil)
	_ sticky = (*multipath.Command)(nil)
	_ sticky = (*multipath.Auto)(nil)
	_ sticky = (*multipath.DeviceMapper)(nil)
)

func parked(what string, lot *park.Lot) []StuckCall {
	if lot == nil {
		return nil
	}
	var out []StuckCall
	for _, c := range lot.Stuck() {
		out = append(out, StuckCall{what + c.Key, c.Since, c.WChan})
	}
	return out
}
