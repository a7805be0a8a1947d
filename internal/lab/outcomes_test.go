package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestOutcomes(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "internal/lab/scenario")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	const source = "package scenario\n\n// The array takes a LUN\n// away. And more.\nfunc TestA(t *testing.T) {}\n\nfunc TestB(t *testing.T) {}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a_test.go"), []byte(source), 0o644))
	cells := func(left string) []*cell {
		passed := verdict{passed: true}
		return []*cell{
			{test: "TestB", suite: "sid", outcome: "1\t–\t–", verdict: passed},
			{test: "TestA", suite: "sid", outcome: "2\t1: in use\t" + left, verdict: passed},
			{test: "TestA", suite: "bookworm", outcome: "2\t1: in use\t–", verdict: passed},
			{test: "TestFailed", suite: "sid", outcome: "9\t–\t–"},
			{test: "TestNoSweep", suite: "sid", verdict: passed},
		}
	}
	ok, err := deliverOutcomes("check", root, outcomesOf(cells("–")))
	require.NoError(t, err)
	require.False(t, ok, "there is no page yet")
	ok, err = deliverOutcomes("write", root, outcomesOf(cells("–"))[:2])
	require.NoError(t, err)
	require.True(t, ok)
	_, err = deliverOutcomes("write", root, outcomesOf(cells("–"))[2:])
	require.NoError(t, err)
	page, err := os.ReadFile(filepath.Join(root, outcomesPage))
	require.NoError(t, err)
	const want = outcomesHead + `| scenario | what happens | distribution | removed | refused | left |
| --- | --- | --- | --- | --- | --- |
| TestA | The array takes a LUN away | bookworm, sid | 2 | 1: in use | – |
| TestB |  | sid | 1 | – | – |
`
	if diff := cmp.Diff(want, string(page)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	ok, err = deliverOutcomes("check", root, outcomesOf(cells("–")))
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = deliverOutcomes("check", root, outcomesOf(cells("1: not ours")))
	require.NoError(t, err)
	require.False(t, ok)
}

// The page is of scenarios that there are, and says what happens in each.
func TestOutcomesPage(t *testing.T) {
	page, err := os.ReadFile("OUTCOMES.md")
	require.NoError(t, err)
	about, err := abouts("scenario")
	require.NoError(t, err)
	all := outcomesIn(string(page))
	require.NotEmpty(t, all)
	for _, o := range all {
		require.NotEmpty(t, about[o.test], "%s does not say what happens", o.test)
		require.Contains(t, allSuites, o.suite)
	}
	again := outcomesIn(outcomesHead + outcomesTable(all, about))
	require.ElementsMatch(t, all, again, "each line once, and whole")
}
