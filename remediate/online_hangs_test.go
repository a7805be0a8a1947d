package remediate_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

// The kernel scans a disk again that is set running, and a silent one takes long to answer:
// the LU's other disk must not stay off for that.
func TestOnlineHangs(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	sys := s.System()
	var first atomic.Value // the attribute of the disk that hangs
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	var err error
	sys.FS, err = sysfs.New(s.Tree(), sysfs.WithWrite(func(f *os.File, data []byte) error {
		if filepath.Base(f.Name()) == "delete" {
			return syscall.EIO
		}
		if string(data) == "running\n" && (first.CompareAndSwap(nil, f.Name()) || first.Load() == f.Name()) {
			_, _ = f.Write(data) // the state is set first
			cancel()
			<-end
			return nil
		}
		_, err := f.Write(data)
		return err
	}))
	require.NoError(t, err)
	sw := s.on(t, sys)
	p := planned(t, sw, s.lu.WWID())
	res := executedIn(t, ctx, sw, p)
	require.Contains(t, strings.Join(did(res), "; "), "online-path", res.Reason)
	require.Equal(t, "running", stateOf(t, s, "sdi"))
	require.Equal(t, "running", stateOf(t, s, "sdj"))
}
