package remediate_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
)

// A hookedReader is told of what is about to be asked.
type hookedReader struct {
	reader
	claim, probe func(node string)
}

func (r hookedReader) Claimed(ctx context.Context, t blockprobe.Target) (bool, error) {
	if r.claim != nil {
		r.claim(t.Node)
	}
	return r.reader.Claimed(ctx, t)
}

func (r hookedReader) Probe(ctx context.Context, t blockprobe.Target) blockprobe.Result {
	if r.probe != nil {
		r.probe(t.Node)
	}
	return r.reader.Probe(ctx, t)
}

// The LU comes back right after it was asked, and the look for users takes long: what was
// asked is no fresher for that.
func TestBackWhileUsersAreLookedFor(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	var armed atomic.Bool
	sys.Reader = hookedReader{reader: sys.Reader, claim: func(string) {
		if armed.CompareAndSwap(true, false) {
			s.Restore(s.lu)
			time.Sleep(4 * time.Second)
		}
	}}
	sw := s.on(t, sys, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin && e.Action == remediate.OfflinePath && e.Target == "sdi" {
			armed.Store(true)
		}
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.NotEqual(t, remediate.Removed, res.Outcome, res.Reason)
	require.NotContains(t, s.log(), "delete", "the LU had been back for 4 s")
}

// The same for the last look for users, of a disk that was asked again.
func TestBackDuringTheSeal(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	var again atomic.Int32
	sys.Reader = hookedReader{reader: sys.Reader, claim: func(string) {
		// after the disk was switched on and off once more, the look for users
		a := s.Actions()
		if strings.HasSuffix(a[len(a)-1], "sdi state offline") && len(a) > 4 && again.Add(1) == 1 {
			s.Restore(s.lu)
			time.Sleep(7 * time.Second)
		}
	}}
	sw := s.on(t, sys, beforeDelete(func() { time.Sleep(long) }))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.NotEqual(t, remediate.Removed, res.Outcome, res.Reason)
	require.Positive(t, again.Load())
	require.NotContains(t, s.log(), "sdi delete", "off, and not asked, for 7 s")
}

// A LU that shares its look with one whose read takes long is back meanwhile.
func TestBackWhileAnotherIsRead(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	b := s.another("vol-n").Path("sdm", s.a, 9).Path("sdn", s.b, 9)
	s.Map("mpathc", "dm-13", b, remediatetest.Fail)
	s.Unmap(b)
	sys := s.System()
	var armed, done atomic.Bool
	sys.Reader = hookedReader{reader: sys.Reader, probe: func(node string) {
		if strings.HasSuffix(node, "dm-13") && armed.Load() && done.CompareAndSwap(false, true) {
			time.Sleep(500 * time.Millisecond) // the first LU is read meanwhile
			s.Restore(s.lu)
			time.Sleep(4 * time.Second) // as for a read that hangs
		}
	}}
	sw := s.on(t, sys, remediate.WithMaxDead(1))
	p := planned(t, sw, s.lu.WWID(), b.WWID())
	looks := atomic.Int32{}
	sw = s.on(t, sys, remediate.WithMaxDead(1), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventLook && looks.Add(1) > 1 { // the first is Execute's own
			armed.Store(true)
		}
	}))
	r, err := sw.Execute(within(t), p)
	require.NoError(t, err)
	require.True(t, done.Load())
	require.Equal(t, remediate.Removed, r.Results[slices.IndexFunc(r.Results, func(x remediate.Result) bool { return x.WWID == b.WWID() })].Outcome)
	require.NotContains(t, s.log(), "multipath -f mpathb", "its LU had been back for 4 s")
}

// expectMapStays executes a plan for both LUs, the second of its looks being armed.
func (s *scenario) expectMapStays(t *testing.T, sys remediate.System, other *remediatetest.LU, armed *atomic.Bool) {
	t.Helper()
	p := planned(t, s.on(t, sys, remediate.WithMaxDead(1)), s.lu.WWID(), other.WWID())
	looks := atomic.Int32{}
	sw := s.on(t, sys, remediate.WithMaxDead(1), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventLook && looks.Add(1) > 1 {
			armed.Store(true)
		}
	}))
	_, err := sw.Execute(within(t), p)
	require.NoError(t, err)
	require.NotContains(t, s.log(), "multipath -f mpathb", "its LU had been back for 4 s")
}

// A LU that is slow to say that it is gone is asked again, too, where the look takes long.
func TestSlowAnswerBackWhileAnotherIsRead(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	b := s.another("vol-n").Path("sdm", s.a, 9).Path("sdn", s.b, 9)
	s.Map("mpathc", "dm-13", b, remediatetest.Fail)
	s.Unmap(b)
	sys := s.System()
	open := sys.OpenLU
	sys.OpenLU = func(ctx context.Context, path string) (*scsi.Device, error) {
		if strings.HasSuffix(path, "/sdi") || strings.HasSuffix(path, "/sdj") {
			time.Sleep(1200 * time.Millisecond)
		}
		return open(ctx, path)
	}
	var armed, done atomic.Bool
	sys.Reader = hookedReader{reader: sys.Reader, probe: func(node string) {
		if strings.HasSuffix(node, "dm-13") && armed.Load() && done.CompareAndSwap(false, true) {
			time.Sleep(500 * time.Millisecond)
			s.Restore(s.lu)
			time.Sleep(4 * time.Second)
		}
	}}
	s.expectMapStays(t, sys, b, &armed)
	require.True(t, done.Load())
}

// The users of another LU are looked for after everybody was asked.
func TestBackWhileUsersOfAnotherAreLookedFor(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	b := s.another("vol-n").Path("sdm", s.a, 9).Path("sdn", s.b, 9)
	s.Unmap(b)
	sys := s.System()
	var armed, done atomic.Bool
	sys.Reader = hookedReader{reader: sys.Reader, claim: func(node string) {
		if strings.HasSuffix(node, "sdm") && armed.Load() && done.CompareAndSwap(false, true) {
			s.Restore(s.lu)
			time.Sleep(4 * time.Second)
		}
	}}
	s.expectMapStays(t, sys, b, &armed)
	require.True(t, done.Load())
}

// By the operator's rule, too, an outage may be over by the time that users are found.
func TestRunbookBackWhileUsersAreLookedFor(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Patience(100 * time.Millisecond)
	s.Vanish(s.lu)
	s.Vanish(s.healthy)
	sys := s.System()
	var armed atomic.Bool
	sys.Reader = hookedReader{reader: sys.Reader, claim: func(string) {
		if armed.CompareAndSwap(true, false) {
			s.Restore(s.lu)
			s.Restore(s.healthy)
			time.Sleep(4 * time.Second)
		}
	}}
	sw := s.on(t, sys, remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin && e.Action == remediate.OfflinePath && e.Target == "sdi" {
			armed.Store(true)
		}
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.NotContains(t, s.log(), "delete", "%s: the outage had been over for 4 s", res.Outcome)
}
