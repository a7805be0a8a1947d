package diskbyid

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/sysfs"
)

// plant makes the tree that text describes, one entry in a line, and returns its
// root:
//
//	dev/disk/by-id/scsi-3600… -> ../../dm-0     a symbolic link
//	dev/dm-0 =                                  a file, in the place of a node
//	# …                                         nothing
func plant(t testing.TB, text string) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "sys"), 0o755))
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		name, target, isLink := strings.Cut(line, " -> ")
		name = strings.TrimSuffix(name, " =")
		p := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o755))
		if isLink {
			require.NoError(t, os.Symlink(target, p))
		} else {
			require.NoError(t, os.WriteFile(p, nil, 0o644))
		}
	}
	return root
}

// open returns the Dir of a planted tree.
func open(t testing.TB, root string) *Dir {
	t.Helper()
	f, err := sysfs.New(root)
	require.NoError(t, err)
	return New(f)
}

// captured returns a tree of testdata, as text for plant.
func captured(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(text)
}
