package remediate_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
)

// A LU that both looks find dead, and that was alive for a while between them, stays.
func TestAliveBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t, remediate.WithDwell(3500*time.Millisecond), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventWait {
			s.Restore(s.lu)
			time.AfterFunc(2500*time.Millisecond, func() { s.Unmap(s.lu) })
		}
	}))
	p := planned(t, sw)
	d, _ := p.Survey.Find(s.lu.WWID())
	require.Equal(t, remediate.Stale, d.Verdict)
	require.Regexp(t, "sd[ij] was alive between two looks", strings.Join(d.Reasons, "; "))
}

// A path that does not answer between two looks is asked once there: what hangs must not
// be piled up, nor hold up the second look.
func TestHangsBetweenTwoLooks(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	open := sys.OpenLU
	var between atomic.Bool
	var opened atomic.Int32
	sys.OpenLU = func(ctx context.Context, path string) (*scsi.Device, error) {
		if between.Load() {
			opened.Add(1)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return open(ctx, path)
	}
	sw := s.on(t, sys, remediate.WithDwell(4500*time.Millisecond), remediate.WithObserver(func(e remediate.Event) {
		between.Store(e.Kind == remediate.EventWait)
	}))
	p := planned(t, sw, s.lu.WWID())
	require.Equal(t, int32(len(p.Targets[0].Paths)), opened.Load())
}
