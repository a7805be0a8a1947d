package remediate_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
)

// A deniedKernel is device-mapper to who has no right to ask it.
type deniedKernel struct{ *multipath.DeviceMapper }

func (deniedKernel) Tables(context.Context) ([]multipath.Table, error) { return nil, fs.ErrPermission }

// A countedReader notes what is read; devices are read side by side.
type countedReader struct {
	*blockprobe.Prober
	mu   sync.Mutex
	read []string
}

func (r *countedReader) Probe(_ context.Context, t blockprobe.Target) blockprobe.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = append(r.read, t.Key)
	return blockprobe.Result{Outcome: blockprobe.Readable}
}

// Where nobody says whether a map queues, it is not read itself: that could wait
// for ever, and this process with it. A path that answers is read in its place.
func TestSurveyReadsNoMapThatMayQueue(t *testing.T) {
	s := lost(t, remediatetest.Queue)
	sys := s.System()
	r := &countedReader{}
	sys.Kernel, sys.Reader = deniedKernel{}, r
	sys.Daemon = multipath.NewSocket(s.Tree())
	sv, err := s.on(t, sys).Survey(within(t))
	require.ErrorIs(t, err, fs.ErrPermission)
	d, _ := sv.Find(s.lu.WWID())
	require.Equal(t, blockprobe.Skipped, d.Read)
	require.Contains(t, d.Evidence.ReadReason, "whether the map queues")
	require.False(t, d.Removable)
	d, _ = sv.Find(s.healthy.WWID())
	require.Equal(t, blockprobe.Readable, d.Read)
	for _, key := range r.read {
		require.NotContains(t, key, "mpath", "a map was read")
	}
}

// Disks that may not be opened are no disks without an answer: as where a
// container's device cgroup leaves them out.
func TestSurveyOfClosedDisks(t *testing.T) {
	s := lost(t, remediatetest.Fail)
	sys := s.System()
	sys.OpenLU = func(context.Context, string) (*scsi.Device, error) { return nil, syscall.EPERM }
	sv, err := s.on(t, sys).Survey(within(t))
	require.ErrorIs(t, err, fs.ErrPermission)
	require.Equal(t, "what answers on 5 disks", sv.Gaps[0].What)
	p, err := s.on(t, sys).Plan(within(t))
	require.ErrorIs(t, err, fs.ErrPermission)
	require.Empty(t, p.Targets)
}

// A root with the host's /sys and without its /dev is no host whose disks are
// all silent.
func TestSurveyWithoutNodes(t *testing.T) {
	s := lost(t, remediatetest.Fail)
	require.NoError(t, os.RemoveAll(filepath.Join(s.Tree(), "dev")))
	sys, err := remediate.OpenSystem(s.Tree(), "dm", time.Second)
	require.NoError(t, err)
	_, err = s.on(t, sys).Survey(within(t))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "open the host's disks")
}
