package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
)

func TestWritePlan(t *testing.T) {
	name := filepath.Join(t.TempDir(), "plan.json")
	require.NoError(t, os.WriteFile(name, []byte("an older plan, readable by all"), 0o644))
	require.NoError(t, writePlan(name, &remediate.Plan{ID: "p1"}))
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	if !strings.Contains(string(b), `"id": "p1"`) {
		t.Errorf("the plan file holds %s", b)
	}
	st, err := os.Stat(name)
	require.NoError(t, err)
	if got := st.Mode().Perm(); got != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("the plan file has mode %o, want 600", got)
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	require.NoError(t, err)
	if diff := cmp.Diff(1, len(entries)); diff != "" {
		t.Errorf("files beside the plan (-want +got):\n%s", diff)
	}
}

func TestWritePlanSparesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(os.DevNull, link))
	for _, name := range []string{dir, link, filepath.Join(dir, "missing", "plan.json")} {
		if err := writePlan(name, &remediate.Plan{}); err == nil {
			t.Errorf("writePlan(%s) succeeded", name)
		}
	}
	if _, err := os.Readlink(link); err != nil {
		t.Errorf("the link was replaced: %v", err)
	}
}
