package remediate

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever asks gets what a look has found that began after he asked, and many
// who ask at once cost one look.
func TestSharedLookIsFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shared[int64]
		var begun atomic.Int64
		look := func(context.Context) (int64, error) {
			n := begun.Add(1)
			time.Sleep(time.Second)
			return n, nil
		}
		const asking, each = 50, 20
		var wg sync.WaitGroup
		for i := range asking {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 7 * time.Millisecond)
				for range each {
					before := begun.Load()
					got, err := s.get(t.Context(), look)
					require.NoError(t, err)
					require.Greater(t, got, before)
				}
			})
		}
		wg.Wait()
		require.LessOrEqual(t, begun.Load(), int64(each*2+1), "looks for %d questions", asking*each)
	})
}

// Nobody's time is another's: who leaves leaves the look to the others, and one
// that had the time of who has left is begun anew.
func TestSharedLookOutlivesWhoAskedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shared[string]
		looks := 0
		look := func(ctx context.Context) (string, error) {
			looks++
			select {
			case <-time.After(3 * time.Second):
				return "seen", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = s.get(t.Context(), look) }) // keeps the next from beginning
		synctest.Wait()
		wg.Go(func() {
			begun := time.Now()
			_, err := s.get(short, look)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, time.Second, time.Since(begun))
		})
		synctest.Wait()
		wg.Go(func() {
			got, err := s.get(t.Context(), look)
			require.NoError(t, err)
			require.Equal(t, "seen", got)
		})
		wg.Wait()
		require.Equal(t, 3, looks)
	})
}

// A look that nobody waits for any more is ended, or not begun.
func TestSharedLookEndsWithTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s shared[int]
		ended := make(chan error, 2)
		look := func(ctx context.Context) (int, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return 0, ctx.Err()
		}
		var wg sync.WaitGroup
		var cancels []context.CancelFunc
		for range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			cancels = append(cancels, cancel)
			wg.Go(func() {
				_, err := s.get(ctx, look)
				require.ErrorIs(t, err, context.Canceled)
			})
			synctest.Wait()
		}
		cancels[1]() // before its look could begin
		synctest.Wait()
		cancels[0]()
		wg.Wait()
		synctest.Wait()
		require.Len(t, ended, 1)
	})
}
