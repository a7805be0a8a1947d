package remediate_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A slowing kernel says once, from when it is armed, that a map is open, and does
// not answer after that.
type slowing struct {
	*multipath.DeviceMapper
	armed, asked atomic.Bool
}

func (k *slowing) Table(ctx context.Context, uuid string) (multipath.Table, error) {
	if k.armed.Load() && k.asked.Swap(true) {
		k.armed.Store(false) // what puts things right is answered
		<-ctx.Done()
		return multipath.Table{}, ctx.Err()
	}
	t, err := k.DeviceMapper.Table(ctx, uuid)
	if k.armed.Load() {
		t.OpenCount = 1
	}
	return t, err
}

// That a map was still open when the time was up is not hidden by the question
// that the end of the time cut short.
func TestReadersThatStay(t *testing.T) {
	s := lost(t, remediatetest.Queue)
	sys := s.System()
	k := &slowing{DeviceMapper: sys.Kernel.(*multipath.DeviceMapper)}
	sys.Kernel = k
	sw := s.on(t, sys, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin && e.Action == remediate.WaitReaders {
			k.armed.Store(true)
		}
	}))
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	r, err := sw.Execute(ctx, p)
	require.NoError(t, err)
	require.Equal(t, remediate.Failed, r.Results[0].Outcome)
	var used *remediate.InUseError
	require.ErrorAs(t, r.Results[0].Err, &used)
	require.Equal(t, "open count 1", used.Users[0].By)
	require.True(t, s.find(t).Map.Queueing, "queueing is restored")
}
