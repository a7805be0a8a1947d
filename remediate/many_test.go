package remediate_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// many is a host with n lost LUs of two paths and as many healthy ones.
func many(t *testing.T, n int, retry remediatetest.NoPathRetry) *scenario {
	t.Helper()
	s := before(t, retry)
	for i := range 2 * n {
		naa := fmt.Sprintf("6001405%025x", i)
		lu := s.LU(naa, gib, "LIO-ORG", "many")
		lu.Path(fmt.Sprintf("sdx%c%c", 'a'+i/26, 'a'+i%26), s.a, uint64(100+i))
		lu.Path(fmt.Sprintf("sdy%c%c", 'a'+i/26, 'a'+i%26), s.b, uint64(100+i))
		s.Map(fmt.Sprintf("many%d", i), fmt.Sprintf("dm-%d", 100+i), lu, retry)
		if i < n {
			s.Unmap(lu)
		}
	}
	return s
}

// countedMaps counts how often all maps are listed.
type countedMaps struct {
	*multipath.DeviceMapper
	listed atomic.Int64
}

func (c *countedMaps) Tables(ctx context.Context) ([]multipath.Table, error) {
	c.listed.Add(1)
	return c.DeviceMapper.Tables(ctx)
}

// LUs that are cleared side by side do not look at the whole host each for
// itself.
func TestManyLookTogether(t *testing.T) {
	t.Parallel()
	const n = 20
	s := many(t, n, remediatetest.Fail)
	sys := s.System()
	counted := &countedMaps{DeviceMapper: sys.Kernel.(*multipath.DeviceMapper)}
	sys.Kernel = counted
	sw := s.on(t, sys, remediate.WithMaxDead(1), remediate.WithParallel(16))
	p, err := sw.Plan(within(t))
	require.NoError(t, err)
	require.Len(t, p.Targets, n)
	counted.listed.Store(0)
	r, err := sw.Execute(within(t), p)
	require.NoError(t, err)
	for _, x := range r.Results {
		require.Equal(t, remediate.Removed, x.Outcome, x.Reason)
	}
	require.Less(t, counted.listed.Load(), int64(n*3/2), "each LU alone would have taken two; who shares a look depends on the host's load")
}

// Ending the context begins no further step, on none of many LUs, leaves no map
// that lives without its queueing, and says what became of each.
func TestManyCancelled(t *testing.T) {
	t.Parallel()
	const n = 20
	s := many(t, n, remediatetest.Queue)
	sw := s.sweeper(t, remediate.WithMaxDead(1))
	p, err := sw.Plan(within(t))
	require.NoError(t, err)
	require.Len(t, p.Targets, n)
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	var ended atomic.Int64 // when the context did, in ns
	s.After("disablequeueing", func() { ended.Store(time.Now().UnixNano()); cancel() })
	r, err := sw.Execute(ctx, p)
	returned := time.Now()
	require.NoError(t, err)
	require.Less(t, returned.Sub(time.Unix(0, ended.Load())), 4*time.Second)
	require.Len(t, r.Results, n)
	for _, x := range r.Results {
		require.ErrorIs(t, x.Err, context.Canceled, x.Reason)
	}
	tables, err := s.System().Kernel.Tables(within(t))
	require.NoError(t, err)
	for _, m := range tables {
		require.True(t, m.Queueing, "%s does not queue any more: %v", m.Name, s.Actions())
	}
	require.NotContains(t, strings.Join(s.Actions(), "; "), "delete")
}
