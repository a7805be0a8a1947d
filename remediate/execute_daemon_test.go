package remediate_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

func TestExecuteWithoutMultipathd(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.StopDaemon()
	sys := s.SystemDM()
	sw := s.on(t, sys)
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	want := []string{
		"dm message mpathb fail_if_no_path", "dm remove mpathb",
		"sdi state offline", "sdj state offline", "sdi delete", "sdj delete",
	}
	if diff := cmp.Diff(want, s.Actions()); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
}

// Where multipathd does not take orders, the kernel does.
func TestExecuteBesideABusyMultipathd(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.BusyDaemon()
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	t.Run("restored", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s.After("fail_if_no_path", cancel)
		res := executedIn(t, ctx, sw, p)
		require.ErrorIs(t, res.Err, context.Canceled)
		require.Equal(t, remediate.Failed, res.Outcome)
		want := []string{"dm message mpathb fail_if_no_path", "dm message mpathb queue_if_no_path"}
		if diff := cmp.Diff(want, s.Actions()); diff != "" {
			t.Errorf("what was done (-want +got):\n%s", diff)
		}
	})
	t.Run("removed", func(t *testing.T) {
		res := executed(t, sw, p)
		require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
		want := []string{
			"dm message mpathb fail_if_no_path", "multipath -f mpathb",
			"sdi state offline", "sdj state offline", "sdi delete", "sdj delete",
		}
		if diff := cmp.Diff(want, s.Actions()[2:]); diff != "" {
			t.Errorf("what was done (-want +got):\n%s", diff)
		}
	})
}

// A multipathd that does not notice is told.
func TestExecuteMakesMultipathdForget(t *testing.T) {
	t.Parallel()
	h := remediatetest.New(t)
	h.Stage("orphan")
	h.DeafDaemon()
	s := &scenario{Host: h}
	sw := s.sweeper(t)
	res := executed(t, sw, planned(t, sw, remediatetest.WWIDb))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	want := []string{"sdi state offline", "sdi delete", "multipathd del path sdi"}
	if diff := cmp.Diff(want, h.Actions()); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
}

// A hushed daemon does not say which paths it has.
type hushed struct{ *multipath.Command }

func (hushed) Paths(ctx context.Context) ([]multipath.DaemonPath, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A multipathd that does not answer takes none of the time for looking at the rest:
// also where there was no path that it could have forgotten.
func TestVerifyBesideAHushedDaemon(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	s.StopDaemon() // which would take the map away with its last path
	s.DeletedByHand("sdi", "sdj")
	sys := s.System()
	sys.Daemon = hushed{sys.Daemon.(*multipath.Command)}
	sw := s.on(t, sys)
	p := planned(t, sw, s.lu.WWID())
	require.Empty(t, p.Targets[0].Paths)
	r, err := sw.Execute(within(t), p)
	require.NoError(t, err)
	require.Equal(t, remediate.Removed, r.Results[0].Outcome, "%+v", r.Results[0].Err)
	require.Contains(t, r.Results[0].Reason, "multipathd could not be asked")
}
