package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

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

// A plan that never comes holds up neither the end of the time nor an interrupt.
func TestPlanThatNeverComes(t *testing.T) {
	t.Parallel()
	never, w := io.Pipe()
	defer w.Close()
	open := on(staged(t, "residual"))
	for name, test := range map[string]struct {
		timeout string
		end     time.Duration
		says    string
	}{
		"timeout":   {"50ms", time.Hour, "read the plan: context deadline exceeded (longer: -timeout; now 50ms)"},
		"interrupt": {"1h", 50 * time.Millisecond, "read the plan: context canceled (interrupted)"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			defer time.AfterFunc(test.end, cancel).Stop()
			var out, errs bytes.Buffer
			got := runOn(ctx, open, []string{"apply", "-plan", "-", "-timeout", test.timeout}, never, &out, &errs)
			require.Equal(t, statusFailed, got)
			require.Contains(t, errs.String(), test.says)
		})
	}
}

// What is wrong with a file of the command line is told with the file's name,
// before the host is asked anything, and without advice on the host.
func TestFilesOfTheCommandLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad, missing := filepath.Join(dir, "bad.json"), filepath.Join(dir, "missing", "file")
	require.NoError(t, os.WriteFile(bad, []byte("x"), 0o600))
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"bad plan":        {[]string{"apply", "-plan", bad}, "plan " + bad + ": read the plan: invalid character"},
		"bad plan to see": {[]string{"verify", "-plan", bad}, "plan " + bad + ": read the plan: invalid character"},
		"no journal":      {[]string{"apply", "-yes", "-journal", missing}, "open the journal: open " + missing},
		"no place":        {[]string{"plan", "-dwell", "1h", "-o", missing}, "write the plan: create " + missing},
		"no place on yes": {[]string{"apply", "-yes", "-dwell", "1h", "-o", missing}, "write the plan: create " + missing},
	} {
		got := sweep(t.Context(), nil, "", append(test.args, "-simulate", "residual")...)
		if got.status != statusFailed || !strings.Contains(got.err, test.says) || strings.Contains(got.err, "-root") || got.out != "" {
			t.Errorf("%s: sweep %q ended with %d:\n%s%s", name, test.args, got.status, got.out, got.err)
		}
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}
