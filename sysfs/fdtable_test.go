package sysfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Where the kernel does not tell which threads share their files, those of other numbers
// have a table of their own; and of a process with more threads and files than can be
// looked at one by one it is told that not all is known.
func TestTables(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "sys"), 0o755))
	for thread, fds := range map[string][]int{"": {0, 1}, "task/7": {0, 1}, "task/8": {0, 1, 5}, "task/9": {0, 1, 5}, "task/10": {2}} {
		for _, fd := range fds {
			dir := filepath.Join(root, "proc/7", thread, "fd")
			require.NoError(t, os.MkdirAll(dir, 0o755))
			require.NoError(t, os.Symlink("/dev/null", filepath.Join(dir, fmt.Sprint(fd))))
		}
	}
	f, err := New(root)
	require.NoError(t, err)
	for most, want := range map[int][]string{mostEntries: {"7", "7/task/8", "7/task/10"}, 2: {"7", "7/task/8"}} {
		o := opened{pid: 7}
		s := &openScan{fs: f, ctx: t.Context(), comparable: f.ownNumbers, most: most}
		var dirs []string
		for _, table := range s.tables(&o) {
			dirs = append(dirs, table.dir)
		}
		require.Equal(t, want, dirs)
		require.NoError(t, o.blind)
		require.Equal(t, most == 2, o.unlisted)
	}
}
