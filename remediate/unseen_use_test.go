package remediate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// An NVMe target is loaded, and configfs is not to be seen (mounted after the container
// was started): what it exports could not be checked.
func TestExportsUnseen(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	s.Unmap(s.lu)
	for _, mod := range []string{"nvmet", "target_core_mod", "target_core_file"} {
		require.NoError(t, os.MkdirAll(filepath.Join(s.Tree(), "sys/module", mod), 0o755))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(s.Tree(), "sys/kernel/config"), 0o755)) // the empty mount point
	d := s.find(t)
	require.False(t, d.Removable, "%v", d.InUse)
}

// The kernel lists a ring's registered files only where it gets the ring's lock at once
// (mutex_trylock in io_uring/fdinfo.c): a ring that submits to the dead disk holds it.
func TestRingThatIsBusy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		used bool
	}{
		"listed":            {"UserFiles:\t1\n    0: /dev/sdi\nUserBufs:\t0\n", true},
		"locked, up to 6.x": {"SqMask:\t0x7f\nUserFiles:\t1\nUserBufs:\t0\n", true},
		"locked, newer":     {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := unmultipathed(t)
			s.Unmap(s.lu)
			s.Open("sdi", 41702, "qemu", remediatetest.Writing)
			fds, err := os.ReadDir(filepath.Join(s.Tree(), "proc/41702/fd"))
			require.NoError(t, err)
			fd := fds[len(fds)-1].Name()
			link := filepath.Join(s.Tree(), "proc/41702/fd", fd)
			require.NoError(t, os.Remove(link))
			require.NoError(t, os.Symlink("anon_inode:[io_uring]", link))
			require.NoError(t, os.WriteFile(filepath.Join(s.Tree(), "proc/41702/fdinfo", fd), []byte("pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t1057\n"+c.text), 0o600))
			d := s.find(t)
			require.Equal(t, c.used, !d.Removable, "%v", d.InUse)
		})
	}
}

// A thread with a table of open files of its own has the disk open. Where the kernel does
// not tell which threads share their files, those of the same numbers may be others.
func TestThreadWithItsOwnFiles(t *testing.T) {
	t.Parallel()
	for name, fd := range map[string]string{"other numbers": "0", "the same numbers": "3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := unmultipathed(t)
			s.Unmap(s.lu)
			s.Open("sdi", 41702, "qemu", remediatetest.Writing)
			require.False(t, s.find(t).Removable)
			process := filepath.Join(s.Tree(), "proc/41702")
			thread := filepath.Join(process, "task/41703")
			require.NoError(t, os.MkdirAll(thread, 0o755))
			for _, dir := range []string{"fd", "fdinfo"} {
				require.NoError(t, os.Rename(filepath.Join(process, dir), filepath.Join(thread, dir)))
				require.NoError(t, os.Mkdir(filepath.Join(process, dir), 0o755))
			}
			require.FileExists(t, filepath.Join(thread, "fdinfo/3"))
			require.NoError(t, os.Symlink("/dev/null", filepath.Join(process, "fd", fd)))
			require.NoError(t, os.WriteFile(filepath.Join(process, "fdinfo", fd), []byte("pos:\t0\nflags:\t0100000\nmnt_id:\t25\n"), 0o600))
			d := s.find(t)
			require.False(t, d.Removable, "%v", d.InUse)
		})
	}
}

// Somebody's io_uring whose files are not listed is nothing to a map, of which the open
// count tells; nor, then, to its disks once it is flushed.
func TestUnlistedRingAndAMap(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	s.Open("sdb", 41702, "fio", remediatetest.Reading)
	hideFiles(t, s, 41702)
	sw := s.sweeper(t)
	d := s.find(t)
	require.True(t, d.Removable, "%v", d.InUse)
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
}

// hideFiles has the last file of a process become an io_uring that lists none of its own,
// as a busy one does not.
func hideFiles(t *testing.T, s *scenario, pid int) {
	t.Helper()
	process := filepath.Join(s.Tree(), fmt.Sprint("proc/", pid))
	fds, err := os.ReadDir(filepath.Join(process, "fd"))
	require.NoError(t, err)
	fd := fds[len(fds)-1].Name()
	require.NoError(t, os.Remove(filepath.Join(process, "fd", fd)))
	require.NoError(t, os.Symlink("anon_inode:[io_uring]", filepath.Join(process, "fd", fd)))
	require.NoError(t, os.WriteFile(filepath.Join(process, "fdinfo", fd), []byte("pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t1057\nUserFiles:\t32\nUserBufs:\t0\n"), 0o600))
}

// The path that leads nowhere, of a map that lives: it was in the map, and somebody's
// io_uring is busy.
func TestUnlistedRingAndAStalePath(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Queue)
	s.Unmap(s.lu, s.a)
	s.Open("sdb", 41702, "fio", remediatetest.Reading)
	hideFiles(t, s, 41702)
	d := s.find(t)
	require.Equal(t, remediate.StalePath, d.Verdict)
	sw := s.sweeper(t)
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.Equal(t, remediate.Removed, res.Outcome, res.Reason)
}

// A straggler was never in the map, whose open count said nothing of it.
func TestUnlistedRingAndAStraggler(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	c := s.target(41)
	s.After("sdj delete", func() {
		s.lu.Path("sdk", c, 1)
		s.Unmap(s.lu)
		s.Open("sdk", 41702, "fio", remediatetest.Writing)
		hideFiles(t, s, 41702)
	})
	sw := s.sweeper(t)
	res := executed(t, sw, planned(t, sw, s.lu.WWID()))
	require.NotContains(t, s.log(), "sdk delete", "%s %s: who has it open could not be told", res.Outcome, res.Reason)
}
