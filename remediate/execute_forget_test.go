package remediate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A forgetful is a multipathd that is slow to hear that sdi has gone: it lists
// it until it is told to forget it, which it first has no time for, and then has
// already done.
type forgetful struct {
	*multipath.Command
	wwid string
	told int
}

func (f *forgetful) Paths(ctx context.Context) ([]multipath.DaemonPath, error) {
	paths, err := f.Command.Paths(ctx)
	if f.told < 2 {
		paths = append(paths, multipath.DaemonPath{Dev: "sdi", WWID: f.wwid})
	}
	return paths, err
}

func (f *forgetful) ForgetPath(context.Context, string) error {
	if f.told++; f.told == 1 {
		return &multipath.CommandError{Backend: "command", Err: multipath.ErrBusy}
	}
	return &multipath.CommandError{Backend: "command", Err: multipath.ErrNoMap}
}

// That multipathd has forgotten a path right before it is told to is no error.
func TestExecuteForgottenAlready(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	daemon := &forgetful{Command: sys.Daemon.(*multipath.Command), wwid: s.lu.WWID()}
	sys.Daemon = daemon
	sw := s.on(t, sys)
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.Equal(t, 2, daemon.told)
}

// udev reads a disk whose map has just gone: it is waited for, as long as it
// takes no longer than udev would. Whoever writes is not.
func TestExecuteWaitsForUdev(t *testing.T) {
	for name, tt := range map[string]struct {
		how  remediatetest.Access
		want remediate.Outcome
	}{
		"reading": {remediatetest.Reading, remediate.Removed},
		"writing": {remediatetest.Writing, remediate.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := lost(t, remediatetest.Fail)
			sw := s.sweeper(t)
			p := planned(t, sw, s.lu.WWID())
			s.After("multipath -f", func() {
				s.Open("sdi", 812, "(udev-worker)", tt.how)
				time.AfterFunc(300*time.Millisecond, func() { s.Kill(812) })
			})
			res := executed(t, sw, p)
			require.Equal(t, tt.want, res.Outcome, res.Reason)
		})
	}
}

// A path that multipathd has already taken out of its living map answers again:
// it stays, and the result says by which order it gets back there.
func TestAlreadyForgottenAndBack(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Unmap(s.lu, s.b)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.After("del path sdj", func() { s.Restore(s.lu, s.b) })
	res := executed(t, sw, p)
	require.Equal(t, remediate.Failed, res.Outcome, res.Reason)
	require.Contains(t, res.Reason, "multipathd add path sdj")
	require.NotContains(t, s.Actions(), "sdj delete")
	d := s.find(t)
	require.Equal(t, remediate.Healthy, d.Verdict)
	require.Contains(t, strings.Join(d.Reasons, "; "), "multipathd add path sdj")
}
