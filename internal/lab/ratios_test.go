package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriteRatios(t *testing.T) {
	dir := t.TempDir()
	page := func(inside string) string { return "before\n" + ratiosBegin + inside + ratiosEnd + "\nafter\n" }
	all := []shown{{suite: "sid", name: ratios, lines: [][]string{{"what", "ratio"}, {"a survey", "0.2"}}}}
	names := []string{filepath.Join(dir, "README.md"), filepath.Join(dir, "README.zh-CN.md")}
	for _, n := range names {
		require.NoError(t, os.WriteFile(n, []byte(page("old\n")), 0o600))
	}
	require.NoError(t, writeRatios(dir, options{suites: []string{"sid"}}, all))
	for _, n := range names {
		got, err := os.ReadFile(n)
		require.NoError(t, err)
		require.Equal(t, page("| distribution | what | ratio |\n| --- | --- | --- |\n| sid | a survey | 0.2 |\n\n"+
			"Made by `go run ./internal/lab -bench -suites sid -write`.\n"), string(got))
	}
	require.Error(t, writeRatios(dir, options{}, nil), "there is nothing to write")
	require.NoError(t, os.WriteFile(names[0], []byte("no marks"), 0o600))
	require.Error(t, writeRatios(dir, options{}, all))
}
