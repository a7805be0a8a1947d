package remediate_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

// long is longer than a disk may be off before it is asked again.
const long = 5*time.Second + 200*time.Millisecond

// beforeDelete has something happen when the first disk is about to be deleted, once it
// has its turn.
func beforeDelete(happens func()) remediate.Option {
	var once sync.Once
	return remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin && e.Action == remediate.DeletePath {
			once.Do(happens)
		}
	})
}

// Disks that are off cannot be asked, and may have to wait with that for others' deletes:
// a LU that has come back meanwhile stays, and its disks are running again.
func TestBackWhileItsDisksAreOff(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	waited := false
	sw := s.on(t, s.System(), beforeDelete(func() {
		waited = true
		s.Restore(s.lu)
		time.Sleep(long)
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	var evidence *remediate.EvidenceError
	require.ErrorAs(t, res.Err, &evidence, "%s %s", res.Outcome, res.Reason)
	require.True(t, waited)
	require.Contains(t, res.Reason, "was flushed before, and comes back by order alone (multipathd add path")
	require.NotContains(t, s.log(), "delete")
	off := map[string]bool{}
	for _, a := range s.Actions() {
		if disk, is := strings.CutSuffix(a, " state offline"); is {
			off[disk] = true
		}
		if disk, is := strings.CutSuffix(a, " state running"); is {
			delete(off, disk)
		}
	}
	require.Empty(t, off, "%v", s.Actions())
}

// One that is as lost as before goes, asked once more.
func TestOffForLong(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sw := s.on(t, s.System(), beforeDelete(func() { time.Sleep(long) }))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
	require.Contains(t, s.log(), "state running", "%v", s.Actions())
}

// A disk that was switched off and sealed, and that somebody (iscsid, after it has logged
// in again) has set running since, is looked at again before it is deleted.
func TestSetRunningBySomebody(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	waited := false
	sw := s.on(t, s.System(), beforeDelete(func() {
		waited = true
		s.Restore(s.lu)
		s.Recover(s.a, s.b) // all disks of the sessions are running
		s.Mount("sdi", "/data")
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.True(t, waited)
	require.NotEqual(t, remediate.Removed, res.Outcome, res.Reason)
	require.NotContains(t, s.log(), "sdi delete", "a mounted, living disk was deleted")
}

// runningHangs is the host whose disks take no end to be scanned once they are set
// running; they are gone when they are deleted.
func (s *scenario) runningHangs(t *testing.T) remediate.System {
	t.Helper()
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	sys := s.System()
	var err error
	sys.FS, err = sysfs.New(s.Tree(), sysfs.WithWrite(func(f *os.File, data []byte) error {
		switch {
		case filepath.Base(f.Name()) == "delete" && strings.Contains(f.Name(), "39:0"):
			s.DeletedByHand("sdi")
			return nil
		case filepath.Base(f.Name()) == "delete":
			s.DeletedByHand("sdj")
			return nil
		}
		_, err := f.Write(data)
		if string(data) == "running\n" {
			<-end
		}
		return err
	}))
	require.NoError(t, err)
	return sys
}

// A silent disk that had to wait for its delete goes all the same, without being switched
// on: the kernel scans a disk that is set running, which takes as long as it is silent.
func TestSilentDiskThatHadToWait(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Patience(100 * time.Millisecond)
	s.Vanish(s.lu)
	s.Vanish(s.healthy)
	sys := s.runningHangs(t)
	sw := s.on(t, sys, s.detached(), remediate.WithMaxDead(1), beforeDelete(func() { time.Sleep(long) }))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
}

// By the operator's rule, too: silence then says nothing of now.
func TestRunbookBackWhileItsDisksAreOff(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Patience(100 * time.Millisecond)
	s.Vanish(s.lu)
	s.Vanish(s.healthy)
	opts := []remediate.Option{remediate.WithRunbook(), remediate.WithMaxDead(1), remediate.WithOwner(onlyVolume)}
	waited := false
	sw := s.sweeper(t, append(opts, beforeDelete(func() {
		waited = true
		s.Restore(s.lu)
		s.Restore(s.healthy)
		time.Sleep(long)
	}))...)
	p := planned(t, sw, s.lu.WWID())
	require.Equal(t, remediate.ByRunbook, p.Targets[0].Proof)
	res := executed(t, sw, p)
	require.True(t, waited, res.Reason)
	require.NotContains(t, s.log(), "delete", "%s: the outage had been over for 5 s", res.Outcome)
}

// detachedUntil is an owner who attests that the LU is detached, until it is back.
func (s *scenario) detachedUntil(back *atomic.Bool) remediate.Option {
	return remediate.WithOwner(func(_ context.Context, sub remediate.Subject) (remediate.Claim, error) {
		return remediate.Claim{Owner: remediate.Mine, Detached: sub.WWID == s.lu.WWID() && !back.Load()}, nil
	})
}

// What goes by its owner's word stays once that is taken back.
func TestAttachedAgainWhileItsDisksAreOff(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Patience(100 * time.Millisecond)
	s.Vanish(s.lu)
	s.Vanish(s.healthy)
	var back atomic.Bool
	owner := s.detachedUntil(&back)
	sw := s.sweeper(t, owner, remediate.WithMaxDead(1), beforeDelete(func() {
		back.Store(true)
		s.Restore(s.lu)
		s.Restore(s.healthy)
		time.Sleep(long)
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.NotContains(t, s.log(), "delete", "%s: attached again, and answering, for 5 s", res.Outcome)
}

// A silent disk whose target says that the LUN is gone is not set running either: the
// target is asked again.
func TestUnlistedDiskThatHadToWait(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Patience(100 * time.Millisecond)
	s.Vanish(s.lu)
	sys := s.runningHangs(t)
	sw := s.on(t, sys, beforeDelete(func() { time.Sleep(long) }))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
}

// Whether a disk is off that cannot tell its state, nobody knows.
func TestStateUnread(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	waited := false
	sw := s.on(t, s.System(), beforeDelete(func() {
		waited = true
		for _, d := range []string{"sdi", "sdj"} {
			f := filepath.Join(s.Tree(), "sys/block", d, "device/state")
			require.NoError(t, os.Remove(f))
			require.NoError(t, os.Mkdir(f, 0o755))
		}
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.True(t, waited)
	require.NotContains(t, s.log(), "sdi delete", "%s %s", res.Outcome, res.Reason)
}
