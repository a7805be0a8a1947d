package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRealRun(t *testing.T) {
	root := t.TempDir()
	page := func(run string) string { return "before\n" + realRunBegin + run + realRunEnd + "after\n" }
	const old = "# sweep scan\nlab at 2026-11-22 07:42:24 UTC: in use by dd (pid 7)\n"
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(page(old)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	again := strings.NewReplacer("07:42", "08:15", "pid 7", "pid 4711").Replace(old)
	if err := checkRealRun(root, again); err != nil {
		t.Errorf("another time is another run: %v", err)
	}
	const other = "# sweep scan\nnothing\n"
	if err := checkRealRun(root, other); !errors.Is(err, errOtherRun) {
		t.Errorf("another run: %v", err)
	}
	if err := replaceRealRun(root, other); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		if got := text(filepath.Join(root, name)); got != page(other) {
			t.Errorf("%s is\n%s", name, got)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "README.md"), []byte(realRunBegin), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := checkRealRun(root, other); err == nil || errors.Is(err, errOtherRun) {
		t.Errorf("a page without the closing mark: %v", err)
	}
}

// The real run is made on its own distribution, whatever else is spread.
func TestRealRunSpread(t *testing.T) {
	for _, c := range matrix([]string{"A", realRun, "B"}, allSuites, true) {
		if c.test == realRun && c.suite != realRunSuite {
			t.Errorf("%s on %s", c.test, c.suite)
		}
	}
}
