package remediate_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

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
