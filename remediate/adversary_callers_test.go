package remediate_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// Everybody calls one Sweeper at once, and another on the same host: what is to be
// done is done once, all come to the same end, and what lives is not touched.
func TestEverybodyCallsAtOnce(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	ctx := within(t)
	var wg sync.WaitGroup
	gone := func(clear func() (*remediate.Report, error)) { // what others are at work on may be refused
		var err error
		for range 20 {
			var r *remediate.Report
			if r, err = clear(); err == nil && r.Err() == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Error("it stays", err)
	}
	for _, sw := range []*remediate.Sweeper{sw, sw, s.sweeper(t)} {
		wg.Go(func() { gone(func() (*remediate.Report, error) { return sw.Execute(ctx, p) }) })
		wg.Go(func() { gone(func() (*remediate.Report, error) { return sw.Clear(ctx, s.lu.WWID()) }) })
		wg.Go(func() {
			if _, err := sw.Survey(ctx); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := sw.VerifyIdentity(ctx, "/dev/mapper/mpatha", s.healthy.WWID()); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if left, err := sw.Recover(context.WithoutCancel(ctx)); err != nil || len(left) > 0 {
				t.Error(left, err)
			}
		})
	}
	wg.Wait()
	for _, once := range []string{"multipath -f mpathb", "sdi delete", "sdj delete"} {
		require.Equal(t, 1, strings.Count(s.log(), once), s.log())
	}
	for _, never := range []string{"mpatha", "sdb", "sdc", "restorequeueing"} {
		require.NotContains(t, s.log(), never)
	}
	require.Empty(t, sw.Stuck())
}
