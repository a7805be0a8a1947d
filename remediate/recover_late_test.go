package remediate_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A hangingKernel answers nothing in time.
type hangingKernel struct{ *multipath.DeviceMapper }

func (hangingKernel) Table(ctx context.Context, _ string) (multipath.Table, error) {
	<-ctx.Done()
	return multipath.Table{}, ctx.Err()
}

// However many notes there are, Recover returns by its deadline and a second, and tells
// of those that it had no time for.
func TestRecoverByItsDeadline(t *testing.T) {
	t.Parallel()
	const notes = 300
	s := unqueued(t)
	wwid := s.lu.WWID()
	text, err := os.ReadFile(noteOf(t, s))
	require.NoError(t, err)
	for i := range notes {
		w := fmt.Sprintf("%s%04x", wwid[:len(wwid)-4], i)
		sum := sha256.Sum256([]byte(w))
		file := filepath.Join(s.Tree(), "run/lunsweep", hex.EncodeToString(sum[:16])+".note")
		require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(text), wwid, w)), 0o600))
	}
	sys := s.System()
	sys.Kernel = hangingKernel{sys.Kernel.(*multipath.DeviceMapper)}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begun := time.Now()
	done, err := s.on(t, sys).Recover(ctx)
	require.NoError(t, err)
	require.Less(t, time.Since(begun), 3*time.Second) // a second of which is for a busy machine
	require.Len(t, done, notes+1)
	for _, r := range done {
		require.Error(t, r.Err, r.WWID)
	}
}

// The note of a killed run stays until what it says is put right, also where a plan for
// the LU is executed meanwhile.
func TestNoteStaysWherePutRightFails(t *testing.T) {
	t.Parallel()
	s := unqueued(t)
	sw := s.sweeper(t)
	p := planned(t, sw, s.lu.WWID())
	note := noteOf(t, s)
	count := filepath.Join(s.Tree(), "sys/block/dm-12/diskseq")
	known, err := os.ReadFile(count)
	require.NoError(t, err)
	require.NoError(t, os.Remove(count))
	res := executed(t, sw, p)
	require.Equal(t, remediate.Refused, res.Outcome, res.Reason)
	require.NoError(t, os.WriteFile(count, known, 0o600))
	require.False(t, s.find(t).Map.Queueing)
	require.FileExists(t, note, "queueing is still off, and nobody knows any more")
}

// Time that is up while a read of our own is waited for leaves enough to have the map
// queue again.
func TestTimeIsUpWhileDraining(t *testing.T) {
	t.Parallel()
	s := unqueued(t)
	s.Restore(s.lu)
	sys := s.System()
	m := s.find(t).Map
	sys.Reader = stuckReader{sys.Reader, m.Devt.String() + " " + m.UUID}
	sw := s.on(t, sys)
	ctx, cancel := context.WithCancel(within(t))
	time.AfterFunc(80*time.Millisecond, cancel)
	done, err := sw.Recover(ctx)
	require.NoError(t, err)
	require.Len(t, done, 1)
	require.NoError(t, done[0].Err)
	require.True(t, s.find(t).Map.Queueing)
}

// Device-mapper hangs: the disks need not stay off for that.
func TestRecoverMapHangs(t *testing.T) {
	t.Parallel()
	var s *scenario
	for n := 0; ; n++ {
		s = lost(t, remediatetest.Fail)
		if last, _ := killed(t, s, n); last.Kind == remediate.EventEnd && last.Action == remediate.OfflinePath {
			break
		}
	}
	require.Equal(t, "offline", stateOf(t, s, "sdi"))
	sys := s.System()
	sys.Kernel = hangingKernel{sys.Kernel.(*multipath.DeviceMapper)}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	done, err := s.on(t, sys).Recover(ctx)
	require.NoError(t, err)
	require.Len(t, done, 1)
	require.Error(t, done[0].Err)
	require.Equal(t, "running", stateOf(t, s, "sdi"))
}

// A disk that still reads as running may be about to go off: the note stays for it.
func TestOfflineUnderWay(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	end := make(chan struct{})
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	var err error
	sys.FS, err = sysfs.New(s.Tree(), sysfs.WithWrite(func(f *os.File, data []byte) error {
		if string(data) == "offline\n" {
			cancel()
			<-end
			_, err := f.Write(data)
			close(ended)
			return err
		}
		_, err := f.Write(data)
		return err
	}))
	require.NoError(t, err)
	sw := s.on(t, sys)
	res := executedIn(t, ctx, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Stuck, res.Outcome, res.Reason)
	noteOf(t, s)
	done, err := sw.Recover(within(t))
	require.NoError(t, err)
	require.Len(t, done, 1)
	require.Error(t, done[0].Err, "%v", sw.Stuck())
	close(end)
	<-ended
	require.Eventually(t, func() bool { return len(sw.Stuck()) == 0 }, 20*time.Second, time.Millisecond)
	_, err = sw.Recover(within(t))
	require.NoError(t, err)
	require.Equal(t, "running", stateOf(t, s, "sdi"))
}
