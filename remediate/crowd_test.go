package remediate

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Those who have begun at about the same time, and those whose looks have become too
// old together, share one look.
func TestLookWaitsForTheCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{}
		s := shared[int]{crowd: c}
		looks := 0
		look := func(context.Context) (int, error) {
			looks++
			time.Sleep(time.Second)
			return looks, nil
		}
		var wg sync.WaitGroup
		all := make(chan struct{}) // have begun
		for i := range 5 {
			arrive, done := c.begin()
			wg.Go(func() {
				<-all
				defer done()
				time.Sleep(time.Duration(i) * 7 * moment / 5) // never just when a moment is over
				for want := range 3 {
					arrive()
					got, err := s.get(t.Context(), look)
					require.NoError(t, err)
					require.Equal(t, want+1, got)
					time.Sleep(time.Second + time.Duration(i)*2*moment/5)
				}
			})
		}
		close(all)
		wg.Wait()
		require.Equal(t, 3, looks)
	})
}

// A look waits for nobody where one LU alone is being cleared, and for those who do
// not come only some moments.
func TestLookDoesNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{}
		s := shared[time.Duration]{crowd: c}
		begun := time.Now()
		look := func(context.Context) (time.Duration, error) { return time.Since(begun), nil }

		_, first := c.begin()
		at, err := s.get(t.Context(), look)
		require.NoError(t, err)
		require.Zero(t, at)
		synctest.Wait() // whose end begins no next one any more

		_, second := c.begin() // comes never
		at, err = s.get(t.Context(), look)
		require.NoError(t, err)
		require.Equal(t, mostMoments*moment, at)

		first()
		second()
		require.Zero(t, c.atWork.Load())
		require.Zero(t, c.coming.Load())
	})
}
