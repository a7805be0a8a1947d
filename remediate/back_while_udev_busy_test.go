package remediate_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A deaf multipathd has not heard of one disk.
type deafTo struct {
	scriptedDaemon
	dev string
}

func (w deafTo) Paths(ctx context.Context) ([]multipath.DaemonPath, error) {
	all, err := w.scriptedDaemon.Paths(ctx)
	var out []multipath.DaemonPath
	for _, p := range all {
		if p.Dev != w.dev {
			out = append(out, p)
		}
	}
	return out, err
}

// udev is busy for long, and the disk comes back after it was looked for.
func TestBackWhileUdevIsBusy(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	queue := filepath.Join(s.Tree(), "run/udev/queue")
	require.NoError(t, os.MkdirAll(filepath.Dir(queue), 0o755))
	require.NoError(t, os.WriteFile(queue, nil, 0o644))
	sys := s.System()
	sys.Daemon = deafTo{scriptedDaemon{sys: s.System()}, "sdk"} // multipathd hears of it from udev
	byid := filepath.Join(s.Tree(), "dev/disk/by-id")
	sw := s.on(t, sys, remediate.WithObserver(func(e remediate.Event) {
		if e.Kind == remediate.EventBegin && e.Action == remediate.VerifyGone {
			time.AfterFunc(1500*time.Millisecond, func() {
				s.lu.Path("sdk", s.a, 1)
				_ = os.Remove(filepath.Join(byid, "wwn-0x"+s.lu.WWID()[1:])) // udev makes them later
				_ = os.Remove(filepath.Join(byid, "scsi-"+s.lu.WWID()))
			})
		}
	}))
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	_, err := os.Stat(filepath.Join(s.Tree(), "sys/block/sdk"))
	require.NoError(t, err)
	require.NotEqual(t, remediate.Removed, res.Outcome, "%s: sdk is there, and has been for 3 s", res.Reason)
}
