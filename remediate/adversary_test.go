package remediate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/park"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
)

func (s *scenario) log() string { return strings.Join(s.Actions(), "; ") }

// The LUN goes to a new volume while the work goes on, and that volume's disk is
// mounted at once under its old name: the path must not be pulled from under it.
func TestPathMountedDuringTheWork(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.After("sdi delete", func() {
		s.Remap(s.lu, s.another("vol-n"), s.b)
		s.Mount("sdj", "/new")
	})
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "sdj delete", "%s %s", res.Outcome, res.Reason)
}

// As above, with a process that writes to the disk.
func TestPathOpenedDuringTheWork(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.After("multipath -f", func() {
		s.Remap(s.lu, s.another("vol-n"))
		s.Open("sdi", 41702, "qemu", remediatetest.Writing)
	})
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "sdi delete", "%s %s", res.Outcome, res.Reason)
}

// A path that has come back is asked before it is taken out of its living map.
func TestRevivedPathTakenOut(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	c := s.target(41)
	three := s.another("vol-3").Path("sdm", s.a, 9).Path("sdn", s.b, 9).Path("sdo", c, 9)
	s.Map("mpathc", "dm-13", three, remediatetest.Fail)
	s.Unmap(three, s.b, c)
	sw := s.sweeper(t)
	p := planned(t, sw, three.WWID())
	s.Restore(three, c)
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "del path sdo", "%s %s", res.Outcome, res.Reason)
}

// The breaker judges by the plan's rule, as the work does.
func TestBreakerByThePlansRule(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Vanish(s.lu)
	s.Vanish(s.healthy)
	p := planned(t, s.sweeper(t, remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume)), s.lu.WWID())
	_, err := s.sweeper(t).Execute(within(t), p) // the breaker of 0.5: 2 of 2 maps look dead
	var e *remediate.BreakerError
	require.ErrorAs(t, err, &e, s.log())
	require.Empty(t, s.Actions())
}

// Planned on the target's word, done on the operator's rule: not without its read.
func TestProofChangesToTheRunbook(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.Patience(50 * time.Millisecond)
	opts := []remediate.Option{remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume)}
	p := planned(t, s.sweeper(t, opts...), s.lu.WWID())
	require.Equal(t, remediate.ByTarget, p.Targets[0].Proof)
	s.Vanish(s.lu)
	s.Vanish(s.healthy) // nobody lists LUNs any more: silence
	s.HangRead("dm-12")
	res := executed(t, s.sweeper(t, opts...), p)
	require.NotContains(t, s.log(), "multipath -f", "%s %v", res.Reason, did(res))
}

// A flush that found the map busy is not sent again once the LU has come back.
func TestFlushAgainAfterRevival(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.BusyOnFlush(s.m, 1)
	s.After("map in use", func() { s.Restore(s.lu) })
	res := executed(t, sw, p)
	sv, err := sw.Survey(within(t))
	require.NoError(t, err)
	d, _ := sv.Find(s.lu.WWID())
	require.NotNil(t, d.Map, "the map of a living LU was flushed: %s: %s %s", s.log(), res.Outcome, res.Reason)
}

// "Could not be asked" is not "does not answer".
func TestNotAskedIsNotSilent(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	full := false
	open := sys.OpenLU
	sys.OpenLU = func(ctx context.Context, path string) (*scsi.Device, error) {
		if full { // as package park says when no place has come free in time
			return nil, &scsi.OpError{Op: "open", Path: path, Err: &park.LimitError{Key: path, Limit: 64, Cause: context.DeadlineExceeded}}
		}
		return open(ctx, path)
	}
	sw := s.on(t, sys)
	p := planned(t, sw, s.lu.WWID())
	s.After("multipath -f", func() { s.Restore(s.lu); full = true })
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "delete", "a living LU's paths: %s %s", res.Outcome, res.Reason)
}

// After the flush the sessions go down: an outage, and the paths stay.
func TestOutageBeforeTheDelete(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.After("multipath -f", func() { s.Restore(s.lu); s.Outage(s.a, s.b) })
	res := executed(t, sw, p)
	require.NotContains(t, s.log(), "delete", "%s %s", res.Outcome, res.Reason)
}

// A daemon is a multipathd of which tests replace single orders.
type scriptedDaemon struct {
	sys      remediate.System
	flush    func(ctx context.Context, name string) error
	restored func(ctx context.Context, name string) error
}

func (d scriptedDaemon) Topology(ctx context.Context) (*multipath.Topology, error) {
	return d.sys.Daemon.Topology(ctx)
}
func (d scriptedDaemon) Paths(ctx context.Context) ([]multipath.DaemonPath, error) {
	return d.sys.Daemon.Paths(ctx)
}
func (d scriptedDaemon) DisableQueueing(ctx context.Context, name string) error {
	return d.sys.Daemon.DisableQueueing(ctx, name)
}
func (d scriptedDaemon) RestoreQueueing(ctx context.Context, name string) error {
	if d.restored != nil {
		return d.restored(ctx, name)
	}
	return d.sys.Daemon.RestoreQueueing(ctx, name)
}
func (d scriptedDaemon) Flush(ctx context.Context, name string) error {
	if d.flush != nil {
		return d.flush(ctx, name)
	}
	return d.sys.Daemon.Flush(ctx, name)
}
func (d scriptedDaemon) ForgetPath(ctx context.Context, dev string) error {
	return d.sys.Daemon.ForgetPath(ctx, dev)
}
func (d scriptedDaemon) Backend() string { return "command" }

// multipath -f is killed when time is up, and has left the map suspended: it is
// resumed.
func TestKilledFlushLeavesSuspended(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	s.SuspendOnFlush(s.m)
	sys := s.System()
	d := scriptedDaemon{sys: sys}
	d.flush = func(ctx context.Context, name string) error {
		_ = d.sys.Daemon.Flush(ctx, name)
		<-ctx.Done()
		return &multipath.CommandError{Backend: "command", Argv: []string{"multipath", "-f", name}, Uncertain: true, Err: ctx.Err()}
	}
	broken := sys
	broken.Daemon = d
	sw := s.on(t, broken)
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	res := executedIn(t, ctx, sw, p)
	require.False(t, s.find(t).Map.Suspended, "still suspended: %s: %s %s", s.log(), res.Outcome, res.Reason)
}

// The journal's disk fails after queueing was switched off: it is restored.
func TestJournalFailsQueueingStaysOff(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	w := &failingJournal{left: 1}
	sw := s.sweeper(t, remediate.WithJournal(w))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Contains(t, s.log(), "disablequeueing")
	require.True(t, s.find(t).Map.Queueing, "queueing is off: %s: %s", s.log(), res.Reason)
}

type failingJournal struct{ left int }

func (j *failingJournal) Write(p []byte) (int, error) {
	if j.left--; j.left < 0 {
		return 0, errors.New("input/output error")
	}
	return len(p), nil
}

// The journal's disk hangs: the caller does not.
func TestJournalHangs(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	stop := make(chan struct{})
	sw := s.sweeper(t, remediate.WithJournal(hangingJournal(stop)))
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	done := make(chan struct{})
	go func() { _, _ = sw.Execute(ctx, p); close(done) }()
	select {
	case <-done:
	case <-time.After(4 * time.Second):
		t.Error("Execute has not come back 3 s after its deadline")
	}
	close(stop)
	<-done
}

type hangingJournal chan struct{}

func (j hangingJournal) Write(p []byte) (int, error) { <-j; return len(p), nil }

// A run was killed after it had switched queueing off, the LU came back, and the
// next run refuses: it switches queueing on again.
func TestKilledRunQueueingStaysOff(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	require.NoError(t, s.System().Daemon.DisableQueueing(within(t), "mpathb"))
	s.Restore(s.lu)
	res := executed(t, sw, p)
	require.Equal(t, remediate.Refused, res.Outcome)
	require.True(t, s.find(t).Map.Queueing, s.log())
}

// Both paths were set offline by hand (or by the kernel's error handler). The
// target lists the LUN: it says that the LU is there.
func TestListedLUNIsNotDead(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	sys := s.System()
	devices, err := sys.FS.SCSIDevices(within(t))
	require.NoError(t, err)
	for _, d := range devices {
		if d.Block == "sdi" || d.Block == "sdj" {
			pin, err := sys.FS.Pin(d.HCTL)
			require.NoError(t, err)
			require.NoError(t, pin.SetState(within(t), "offline"))
			require.NoError(t, pin.Close())
		}
	}
	d := s.find(t, remediate.WithRunbook())
	require.False(t, d.Removable, "%s by %s: %v", d.Verdict, d.Proof, d.Reasons)
	d = s.find(t, s.detached())
	require.False(t, d.Removable, "%s by %s: %v", d.Verdict, d.Proof, d.Reasons)
}

// multipathd says ok to restorequeueing late: Execute ends with its deadline.
func TestExecuteOutlivesItsDeadline(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.After("disablequeueing", func() { s.Mount("dm-12", "/late") })
	sys := s.System()
	broken := sys
	broken.Daemon = scriptedDaemon{sys: sys, restored: func(ctx context.Context, name string) error {
		<-ctx.Done() // stopped: nobody answers on the socket
		return &multipath.CommandError{Backend: "socket", Uncertain: true, Err: ctx.Err()}
	}}
	sw := s.on(t, broken)
	p := planned(t, sw, s.lu.WWID())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	begun := time.Now()
	_, _ = sw.Execute(ctx, p)
	require.Less(t, time.Since(begun), 3500*time.Millisecond)
}

// A process name that the kernel has cut in the middle of a letter: a plan that
// holds it can be read back.
func TestPlanWithACutNameSurvivesJSON(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.Open("dm-12", 41700, "sauvegarde-d\xc3", remediatetest.Stuck)
	p := planned(t, s.sweeper(t), s.lu.WWID())
	b, err := json.Marshal(p)
	require.NoError(t, err)
	_, err = remediate.ReadPlan(bytes.NewReader(b))
	require.NoError(t, err)
}

// An empty WWID, and a disk without a name of its own, cannot be said to be gone.
func TestVerifyOfWhatHasNoName(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t)
	t.Run("empty", func(t *testing.T) {
		v, err := sw.Verify(within(t), remediate.Target{})
		require.True(t, err != nil || !v[0].Gone, "the empty WWID is gone: %+v", v)
	})
	t.Run("unnamed", func(t *testing.T) {
		s := unmultipathed(t)
		s.Unmap(s.lu)
		for _, page := range []string{"vpd_pg80", "vpd_pg83"} {
			require.NoError(t, os.Remove(filepath.Join(s.Tree(), "sys/bus/scsi/devices/39:0:0:1", page)))
		}
		sw := s.sweeper(t)
		sv, err := sw.Survey(within(t))
		require.NoError(t, err)
		d, found := sv.Find("unnamed-39:0:0:1")
		require.True(t, found)
		require.False(t, d.Removable)
		_, err = sw.Verify(within(t), remediate.Target{WWID: d.WWID})
		require.Error(t, err, "sdi is there, and has no identity to go by")
	})
}

// A multipathd that does not answer is not one that lists nothing.
func TestVerifyBesideABusyMultipathd(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	s.DeafDaemon()
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	s.After("multipath -f", s.BusyDaemon)
	res := executed(t, sw, p)
	if res.Outcome == remediate.Removed {
		require.Contains(t, res.Reason, "multipathd could not be asked")
	}
	v, err := sw.Verify(within(t), p.Targets[0])
	require.True(t, err != nil || !v[0].Gone || len(v[0].Notes) > 0, "gone, without a word about multipathd: %+v", v)
}

// A loop device on a bare disk is no holder, and has no process: it is a user all
// the same.
func TestLoopOnABareDisk(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	s.Remap(s.lu, s.another("vol-n"))
	dir := filepath.Join(s.Tree(), "sys/block/loop0")
	for name, text := range map[string]string{
		"dev": "7:0\n", "size": "20971520\n", "ro": "0\n", "diskseq": "99\n", "loop/backing_file": "/dev/sdi\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	for _, sub := range []string{"holders", "slaves"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, sub), 0o755))
	}
	d := s.find(t)
	require.False(t, d.Removable, "%s, in use by %v", d.Verdict, d.InUse)
}

// A mount namespace that only a bind mount keeps may have the disk mounted: it
// cannot be read, so the disk counts as used.
func TestPinnedMountNamespace(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	s.Remap(s.lu, s.another("vol-n"))
	file := filepath.Join(s.Tree(), "proc/1/mountinfo")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	b = append(b, "900 28 0:4 mnt:[4026532999] /run/snapd/ns/x.mnt rw - nsfs nsfs rw\n"...)
	require.NoError(t, os.WriteFile(file, b, 0o644))
	d := s.find(t)
	require.False(t, d.Removable, "%s, in use by %v", d.Verdict, d.InUse)
}

// The only path that is alive has not got into the map yet: the mounted map must
// not be emptied.
func TestLastPathsOfAMountedMap(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Queue)
	s.Mount("dm-12", "/data")
	s.lu.Path("sdk", s.target(41), 1)
	d := s.find(t)
	require.False(t, d.Removable, "%s: %v", d.Verdict, d.Reasons)
}

// A Survey can be read back from its own JSON.
func TestSurveySurvivesJSON(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sv, err := s.sweeper(t).Survey(within(t))
	require.NoError(t, err)
	b, err := json.Marshal(sv)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, new(remediate.Survey)))
}

// Time is up while the last look is under way: that is said, and not that
// something were still there.
func TestVerifyCancelledNamesNothing(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sw := s.sweeper(t, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin && e.Action == remediate.VerifyGone {
			cancel()
		}
	}))
	p := planned(t, sw, s.lu.WWID())
	res := executedIn(t, ctx, sw, p)
	require.ErrorIs(t, res.Err, context.Canceled, res.Reason)
}

// Where rights are missing the plan still carries its Survey, also when it is the
// second look that lacks them.
func TestPlanErrorKeepsTheSurvey(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	looks := 0
	sw := s.sweeper(t, remediate.WithDwell(time.Millisecond), remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventLook {
			if looks++; looks == 2 {
				s.Conceal(4242, "other")
			}
		}
	}))
	p, err := sw.Plan(within(t))
	if err != nil {
		require.NotNil(t, p, "%v", err)
		require.NotNil(t, p.Survey)
	}
}

// LUs that all change their identity at once (new firmware, renumbered LUNs) are
// no leftovers.
func TestBreakerCountsAllThatIsDead(t *testing.T) {
	t.Parallel()
	t.Run("remapped", func(t *testing.T) {
		s := before(t, remediatetest.Fail)
		s.Remap(s.lu, s.another("vol-n"))
		s.Remap(s.healthy, s.LU("600140500000000000000000000000f2", 10*gib, "LIO-ORG", "vol-m"))
		p, err := s.sweeper(t).Plan(within(t))
		var e *remediate.BreakerError
		require.ErrorAs(t, err, &e, "%d targets of 2 maps", len(p.Targets))
	})
}

// Whoever comes while the disks are asked is seen all the same.
func TestMountedWhileTheDisksAreAsked(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	s.Remap(s.lu, s.another("vol-n"))
	p := planned(t, s.sweeper(t), s.lu.WWID())
	sys := s.System()
	open, opened := sys.OpenLU, 0
	sys.OpenLU = func(ctx context.Context, path string) (*scsi.Device, error) {
		if strings.HasSuffix(path, "/sdi") {
			if opened++; opened == 2 { // the first is the breaker's survey
				s.Mount("sdi", "/new")
			}
		}
		return open(ctx, path)
	}
	res := executed(t, s.on(t, sys), p)
	require.Empty(t, s.Actions(), "%s %s", res.Outcome, res.Reason)
}

// What cannot be checked because something else is missing is not taken for a
// path that is gone: the disks stay.
func TestMissingTreeIsNoMissingDevice(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	p := planned(t, s.sweeper(t), s.lu.WWID())
	s.After("multipath -f", func() {
		dir := filepath.Join(s.Tree(), "sys", "block")
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Error(err)
		}
	})
	res := executed(t, s.sweeper(t), p)
	require.NotEqual(t, remediate.Removed, res.Outcome, res.Reason)
	require.NotContains(t, strings.Join(s.Actions(), "; "), "sdi")
}

// An owner that ignores its context does not hold up the caller.
func TestOwnerHangs(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	free := make(chan struct{})
	defer close(free)
	sw := s.sweeper(t, remediate.WithOwner(func(context.Context, remediate.Subject) (remediate.Claim, error) {
		<-free
		return remediate.Claim{}, nil
	}))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begun := time.Now()
	_, err := sw.Survey(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(begun), 2*time.Second)
}
