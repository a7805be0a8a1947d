package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lunsweep/lunsweep/internal/doctest"
)

// The scenario whose output the READMEs show, and the distribution it is run on
// for that. Wherever it runs there, its output is held against theirs.
const (
	realRun      = "TestRunbookSweep"
	realRunSuite = "bookworm"
)

// The marks around the READMEs' real run.
const (
	realRunBegin = "<!-- real run: go run ./internal/lab -realrun write -->\n```\n"
	realRunEnd   = "```\n<!-- /real run -->\n"
)

var errOtherRun = errors.New("the README shows another run: go run ./internal/lab -realrun write")

// writeRealRun runs the scenario, and writes what it has shown into the READMEs.
func writeRealRun(ctx context.Context, o options, root, dir string, bin payload) (bool, error) {
	c := &cell{test: realRun, suite: realRunSuite}
	c.verdict = runCell(ctx, o, dir, bin, c)
	if !c.verdict.passed && !errors.Is(c.err, errOtherRun) {
		return false, fmt.Errorf("%s: %s\n%s", realRun, c.verdict.words, c.verdict.detail)
	}
	return true, replaceRealRun(root, c.shown)
}

func replaceRealRun(root, run string) error {
	return eachREADME(root, func(file, page, shown string) error {
		text := strings.Replace(page, realRunBegin+shown, realRunBegin+run, 1)
		return os.WriteFile(file, []byte(text), 0o644)
	})
}

// checkRealRun holds what a guest has shown against what the READMEs show.
func checkRealRun(root, shown string) error {
	return eachREADME(root, func(file, _, old string) error {
		if doctest.Settled(old) != doctest.Settled(shown) {
			return fmt.Errorf("%s: %w", filepath.Base(file), errOtherRun)
		}
		return nil
	})
}

// eachREADME hands over each README with the run that it shows.
func eachREADME(root string, do func(file, page, shown string) error) error {
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		file := filepath.Join(root, name)
		page, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		_, rest, found := strings.Cut(string(page), realRunBegin)
		shown, _, ended := strings.Cut(rest, realRunEnd)
		if !found || !ended {
			return fmt.Errorf("%s: no real run between its marks", name)
		}
		if err := do(file, string(page), shown); err != nil {
			return err
		}
	}
	return nil
}
