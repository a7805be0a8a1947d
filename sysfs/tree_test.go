package sysfs

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// plant makes the tree that text describes, one entry in a line, parents made as
// needed, and returns its root:
//
//	sys/block/sda -> ../devices/…/block/sda     a symbolic link
//	sys/devices/…/holders/                      a directory
//	sys/devices/…/dev = 8:0                     a file, with a newline at its end
//	sys/devices/…/vpd_pg83 : 0083000c…          a file, binary
//	# …                                         nothing
func plant(t testing.TB, text ...string) string {
	t.Helper()
	root := t.TempDir()
	for line := range strings.Lines(strings.Join(text, "\n")) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		require.NoError(t, plantLine(root, line), line)
	}
	return root
}

func plantLine(root, line string) error {
	if strings.HasSuffix(line, " =") {
		line += " "
	}
	name, value, sign := line, "", "/"
	for _, s := range []string{" -> ", " = ", " : "} {
		if n, v, ok := strings.Cut(line, s); ok {
			name, value, sign = n, v, s
			break
		}
	}
	p := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	switch sign {
	case " -> ":
		return os.Symlink(value, p)
	case " = ":
		return os.WriteFile(p, []byte(value+"\n"), 0o644)
	case " : ":
		data, err := hex.DecodeString(value)
		if err != nil {
			return err
		}
		return os.WriteFile(p, data, 0o644)
	}
	return os.MkdirAll(p, 0o755)
}

// captured returns a tree of testdata, as lines for plant.
func captured(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(text)
}

// open returns the FS of a planted tree.
func open(t testing.TB, root string, opts ...Option) *FS {
	t.Helper()
	f, err := New(root, opts...)
	require.NoError(t, err)
	return f
}
