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

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
)

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

// A mount namespace that only a bind mount keeps, and that cannot be looked into,
// may have the disk mounted: the kernel tells whether anybody claims the disk.
func TestPinnedMountNamespace(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	s.Remap(s.lu, s.another("vol-n"))
	file := filepath.Join(s.Tree(), "proc/1/mountinfo")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	b = append(b, "900 28 0:4 mnt:[4026532999] /run/snapd/ns/x.mnt rw - nsfs nsfs rw\n"...)
	require.NoError(t, os.WriteFile(file, b, 0o644))
	s.Claim("sdj")
	d := s.find(t)
	require.False(t, d.Removable, "%s, in use by %v", d.Verdict, d.InUse)
	s.Unclaim("sdj")
	d = s.find(t)
	require.True(t, d.Removable, "%s, in use by %v", d.Verdict, d.InUse)
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

// One LU whose owner is not heard of within his time stays, whatever he says once he
// is told that it is over; the others' owner has answered.
func TestOwnerIsLate(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.sweeper(t, remediate.WithOwnerTimeout(time.Second), remediate.WithOwner(
		func(ctx context.Context, sub remediate.Subject) (remediate.Claim, error) {
			if sub.WWID == s.lu.WWID() {
				<-ctx.Done()
			}
			return remediate.Claim{Owner: remediate.Mine}, nil
		}))
	sv, err := sw.Survey(within(t))
	require.NoError(t, err)
	d, _ := sv.Find(s.lu.WWID())
	require.Equal(t, remediate.Stale, d.Verdict)
	require.Equal(t, remediate.OwnerUnknown, d.Owner)
	require.False(t, d.Removable)
	require.Regexp(t, "no answer|the answer took too long", d.Evidence.ClaimError)
	h, _ := sv.Find(s.healthy.WWID())
	require.Equal(t, remediate.Mine, h.Owner)
}
