package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestMarkdown(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "tables"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tables", "speed"), []byte("what\tratio\nsurvey\t0.2\n"), 0o644))
	all := append(tablesIn(dir, "bookworm"), tablesIn(dir, "sid")...)
	const want = `
speed:

| distribution | what | ratio |
| --- | --- | --- |
| bookworm | survey | 0.2 |
| sid | survey | 0.2 |
`
	if diff := cmp.Diff(want, markdown(all)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	require.Empty(t, tablesIn(t.TempDir(), "sid"))
}
