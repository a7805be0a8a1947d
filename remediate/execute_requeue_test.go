package remediate_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A relapse is a reader during whose first read of the map, queueing being off,
// multipathd switches it on again, as it does where it was not told.
type relapse struct {
	sys   remediate.System
	again sync.Once
	then  func() // right after that
}

func (r *relapse) Claimed(ctx context.Context, t blockprobe.Target) (bool, error) {
	return r.sys.Reader.Claimed(ctx, t)
}

func (r *relapse) Stuck() []blockprobe.Stuck { return r.sys.Reader.Stuck() }

func (r *relapse) Probe(ctx context.Context, t blockprobe.Target) blockprobe.Result {
	_, uuid, _ := strings.Cut(t.Key, " ")
	if table, err := r.sys.Kernel.Table(ctx, uuid); err == nil && !table.Queueing && table.Usable() == 0 {
		r.again.Do(func() {
			_ = r.sys.Kernel.QueueIfNoPath(ctx, uuid)
			r.then()
		})
	}
	return r.sys.Reader.Probe(ctx, t)
}

// A read of our own that a relapse has caught holds the map, and us: it is ended
// before the flush, and before queueing is put back where nothing is flushed.
func TestExecuteFreesItsOwnRead(t *testing.T) {
	for name, tt := range map[string]struct {
		want remediate.Outcome
		then func(*scenario)
	}{
		"flushed":           {remediate.Removed, func(*scenario) {}},
		"mounted meanwhile": {remediate.Failed, func(s *scenario) { s.Mount("dm-12", "/late") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := lost(t, remediatetest.Queue)
			s.Patience(200 * time.Millisecond)
			sys := s.System()
			reader := &relapse{sys: sys, then: func() { tt.then(s) }}
			wrapped := sys
			wrapped.Reader = reader
			sw := s.on(t, wrapped)
			res := executed(t, sw, planned(t, sw, s.lu.WWID()))
			require.Equal(t, tt.want, res.Outcome, "%s %v %v", res.Reason, did(res), s.Actions())
			require.Eventually(t, func() bool { return len(sys.Reader.Stuck()) == 0 }, time.Second, time.Millisecond, "our own read is left behind")
		})
	}
}
