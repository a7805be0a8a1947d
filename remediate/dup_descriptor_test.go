package remediate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// One open of a stuck reader can have two descriptors (dup(2), fork(2)): the kernel's open
// count has it once. It must not explain somebody else's open.
func TestDuplicatedDescriptor(t *testing.T) {
	t.Parallel()
	for _, descriptors := range []int{1, 2} {
		t.Run(fmt.Sprint(descriptors), func(t *testing.T) {
			h := remediatetest.New(t)
			h.Stage("queueing") // dd, pid 41700, is stuck on dm-15
			h.Hold("dm-15")     // and somebody whom no list shows has it open
			for fd := 4; fd < 3+descriptors; fd++ {
				proc := filepath.Join(h.Tree(), "proc", "41700")
				require.NoError(t, os.WriteFile(filepath.Join(proc, "fdinfo", fmt.Sprint(fd)), []byte("pos:\t0\nflags:\t0140000\nmnt_id:\t25\nino:\t641\n"), 0o600))
				require.NoError(t, os.Symlink("/dev/dm-15", filepath.Join(proc, "fd", fmt.Sprint(fd))))
			}
			mine := func(context.Context, remediate.Subject) (remediate.Claim, error) {
				return remediate.Claim{Owner: remediate.Mine}, nil
			}
			s, err := remediate.New(remediate.WithSystem(h.System()), remediate.WithOwner(mine), remediate.WithDwell(0), remediate.WithMaxDead(1))
			require.NoError(t, err)
			p, err := s.Plan(t.Context())
			require.NoError(t, err)
			for _, d := range p.Survey.Devices {
				if d.WWID == remediatetest.WWIDe {
					require.NotEmpty(t, d.InUse, "open count %d, one stuck reader: who has the other open?", d.Map.OpenCount)
				}
			}
			for _, target := range p.Targets {
				require.NotEqual(t, remediatetest.WWIDe, target.WWID, "is to be removed, queueing switched off first")
			}
		})
	}
}

// A program of several threads was killed while two of them read the dead map, each by its
// own open: its first thread is a zombie, and the files show below the sleeping one alone.
func TestKilledReaderWithTwoOpens(t *testing.T) {
	t.Parallel()
	h := remediatetest.New(t)
	h.Stage("queueing") // dd, pid 41700, is stuck on dm-15
	h.Hold("dm-15")     // its second open
	proc := filepath.Join(h.Tree(), "proc", "41700")
	stat, err := os.ReadFile(filepath.Join(proc, "stat"))
	require.NoError(t, err)
	task := filepath.Join(proc, "task", "41701")
	require.NoError(t, os.MkdirAll(filepath.Join(task, "fd"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(task, "stat"), stat, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(task, "wchan"), []byte("io_schedule"), 0o600))
	zombie := []byte("41700 (reader) Z" + string(stat[len("41700 (dd) D"):]))
	require.NoError(t, os.WriteFile(filepath.Join(proc, "stat"), zombie, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(proc, "task/41700/stat"), zombie, 0o600))
	require.NoError(t, os.RemoveAll(filepath.Join(proc, "fd")))
	require.NoError(t, os.RemoveAll(filepath.Join(proc, "fdinfo")))
	require.NoError(t, os.MkdirAll(filepath.Join(proc, "fd"), 0o755))
	for fd, pos := range map[string]string{"3": "0", "4": "4096"} {
		require.NoError(t, os.MkdirAll(filepath.Join(task, "fdinfo"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(task, "fdinfo", fd), []byte("pos:\t"+pos+"\nflags:\t0140000\nmnt_id:\t25\nino:\t641\n"), 0o600))
		require.NoError(t, os.Symlink("/dev/dm-15", filepath.Join(task, "fd", fd)))
	}
	mine := func(context.Context, remediate.Subject) (remediate.Claim, error) {
		return remediate.Claim{Owner: remediate.Mine}, nil
	}
	s, err := remediate.New(remediate.WithSystem(h.System()), remediate.WithOwner(mine), remediate.WithDwell(0), remediate.WithMaxDead(1))
	require.NoError(t, err)
	sv, err := s.Survey(t.Context())
	require.NoError(t, err)
	d, found := sv.Find(remediatetest.WWIDe)
	require.True(t, found)
	require.Empty(t, d.InUse, "two stuck readers explain the open count of %d: %v", d.Map.OpenCount, d.Blocked)
	require.True(t, d.Removable, "%v", d.Reasons)
}
