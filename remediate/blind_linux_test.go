package remediate_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// What a process has open is not to be had in time: it counts as a use, and is
// told as what it is, no want of rights.
func TestProcessThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	s.Open("dm-11", 41702, "qemu", remediatetest.Writing)
	infos, err := filepath.Glob(filepath.Join(s.Tree(), "proc/41702/fdinfo/*"))
	require.NoError(t, err)
	require.NotEmpty(t, infos)
	require.NoError(t, os.Remove(infos[0]))
	require.NoError(t, syscall.Mkfifo(infos[0], 0o600)) // whoever opens it waits
	t.Cleanup(func() { wake(infos[0]) })

	sv, err := s.sweeper(t).Survey(within(t))
	require.NoError(t, err)
	require.Len(t, sv.Gaps, 1)
	require.NotErrorIs(t, sv.Gaps[0].Err, fs.ErrPermission)
	require.Regexp(t, "the open files of 1 process: .*process 41702: no answer after 2", sv.Gaps[0].String())
	d, _ := sv.Find(s.lu.WWID())
	require.Equal(t, remediate.StaleInUse, d.Verdict, d.Reasons)
	require.Equal(t, remediate.UseUnknown, d.InUse[0].Kind)
	require.False(t, d.Removable)
}

// wake lets whoever waits to read a FIFO go on.
func wake(fifo string) {
	if fd, err := syscall.Open(fifo, syscall.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
		syscall.Close(fd)
	}
}
