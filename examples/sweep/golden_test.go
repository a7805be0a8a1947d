package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// scrubbed is a text in which everything that is never the same twice has a
// fixed form.
func scrubbed(text string) string {
	for _, r := range []struct{ pattern, with string }{
		{`\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)`, "2026-01-02T03:04:05Z"},
		{`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`, "2026-01-02 03:04:05 UTC"},
		{`(?i)(plan "?|"id": ")[0-9a-f]{16}\b`, "${1}0123456789abcdef"},
		{`"took_ms": \d+`, `"took_ms": 1`},
		{`[^ "]*[/\\]host-\d+[/\\]root`, ""},
		{`steps, [\d.]+m?s`, "steps, 1ms"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return text
}

func TestGolden(t *testing.T) {
	tests := []struct {
		name   string
		status int
		args   []string
	}{
		{"scan", 3, []string{"scan", "-simulate", "residual", "-own", "all"}},
		{"scan-inuse", 3, []string{"scan", "-simulate", "inuse"}},
		{"scan-clean", 0, []string{"scan", "-simulate", "clean"}},
		{"plan", 3, []string{"plan", "-simulate", "residual", "-own", "all", "-dwell", "0"}},
		{"plan-queueing", 3, []string{"plan", "-simulate", "queueing", "-own", "all", "-own", "!wwid:" + wwidB, "-dwell", "0"}},
		{"plan-inuse", 3, []string{"plan", "-simulate", "inuse", "-own", "all", "-dwell", "0"}},
		{"plan-unowned", 3, []string{"plan", "-simulate", "residual", "-dwell", "0"}},
		{"plan-outage", 0, []string{"plan", "-simulate", "outage", "-own", "all", "-dwell", "0"}},
		{"apply", 0, []string{"apply", "-yes", "-simulate", "residual", "-own", "all", "-dwell", "0"}},
		{"apply-inuse", 3, []string{"apply", "-yes", "-simulate", "inuse", "-own", "all", "-dwell", "0"}},
		{"verify", 3, []string{"verify", "-simulate", "residual", wwidB, wwidNone}},
		{"verify-gone", 0, []string{"verify", "-simulate", "cleared", wwidB}},
		{"help", 0, []string{"help"}},
		{"help-plan", 0, []string{"plan", "-h"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			golden(t, test.name+".txt", test.status, test.args)
		})
	}
	for _, test := range tests {
		switch test.name {
		case "scan", "plan", "apply", "verify":
			t.Run(test.name+"-json", func(t *testing.T) {
				t.Parallel()
				golden(t, test.name+".json", test.status, append(test.args, "-json"))
			})
		}
	}
}

func golden(t *testing.T, name string, status int, args []string) {
	t.Helper()
	got := sweep(context.Background(), nil, "", args...)
	if got.status != status {
		t.Errorf("sweep %q ended with %d, want %d: %s", args, got.status, status, got.err)
	}
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(scrubbed(got.out)), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	if diff := cmp.Diff(string(want), scrubbed(got.out)); diff != "" {
		t.Errorf("sweep %q (-%s +got):\n%s", args, name, diff)
	}
}
