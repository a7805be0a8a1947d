package remediatetest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// run is a program that clears one LU and ends.
func run(t *testing.T, h *remediatetest.Host, sys remediate.System, wwid string) (*remediate.Report, error) {
	t.Helper()
	s, err := remediate.New(remediate.WithSystem(sys), remediate.WithDwell(0),
		remediate.WithOwner(func(context.Context, remediate.Subject) (remediate.Claim, error) {
			return remediate.Claim{Owner: remediate.Mine}, nil
		}))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return s.Clear(ctx, wwid)
}

// Whenever it dies, what it had changed stays, nothing of it goes on, and the
// next program comes to the end that the dead one did not live to see.
func TestCrashes(t *testing.T) {
	t.Parallel()
	for name, crash := range map[string]func(*remediatetest.Host, int){
		"before": (*remediatetest.Host).CrashBefore, "after": (*remediatetest.Host).CrashAfter,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				h := remediatetest.New(t)
				h.Volume("kept", remediatetest.Queue)
				lu, _ := h.Volume("lost", remediatetest.Queue)
				h.Unmap(lu)
				crash(h, n)
				begun := time.Now()
				_, err := run(t, h, h.System(), lu.WWID())
				if !h.Crashed() {
					require.NoError(t, err)
					require.Greater(t, n, 6, "%v", h.Actions())
					return
				}
				did := h.Actions()
				t.Logf("%d: %s: %v: %v", n, time.Since(begun).Round(time.Millisecond), did, err)
				want := n - 1
				if name == "after" {
					want = n
				}
				require.Len(t, did, want)
				expectNoted(t, h)
				r, err := run(t, h, h.System(), lu.WWID())
				require.NoError(t, err, "%v", h.Actions())
				require.Contains(t, []remediate.Outcome{remediate.Removed, remediate.Absent}, r.Results[0].Outcome)
				require.Empty(t, lu.Remains())
				require.Equal(t, []string{lu.WWID()}, h.Touched())
			}
		})
	}
}

// expectNoted checks that the dead program's note, and none of what it did after
// its death, is there for the next one.
func expectNoted(t *testing.T, h *remediatetest.Host) {
	t.Helper()
	s, err := remediate.New(remediate.WithSystem(h.System()))
	require.NoError(t, err)
	sv, err := s.Survey(t.Context())
	require.NoError(t, err)
	require.Len(t, sv.Unfinished, 1, "%v", h.Actions())
}
