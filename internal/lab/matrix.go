package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// A cell is one scenario on one distribution, and what came of it.
type cell struct {
	test, suite string
	verdict     verdict
	tables      []shown
	outcome     string // what came of the scenario's LUs, "" where nothing was swept
	shown       string // what the README's real run must show
	err         error  // of what the lab holds against it
}

// matrix pairs scenarios with distributions: each with each, or, spread, each
// with one, in turn, but for the real run, which has one of its own.
func matrix(tests, suites []string, spread bool) []*cell {
	var out []*cell
	for i, t := range tests {
		if spread && t == realRun && slices.Contains(suites, realRunSuite) {
			out = append(out, &cell{test: t, suite: realRunSuite})
			continue
		}
		if spread {
			out = append(out, &cell{test: t, suite: suites[i%len(suites)]})
			continue
		}
		for _, s := range suites {
			out = append(out, &cell{test: t, suite: s})
		}
	}
	return out
}

// runAll runs every cell, o.jobs side by side, prints the table and the details
// of what failed, and reports whether nothing did.
func runAll(ctx context.Context, o options, dir string, bin payload, cells []*cell) bool {
	start := time.Now()
	todo := make(chan *cell)
	var wg sync.WaitGroup
	for range min(o.jobs, len(cells)) {
		wg.Go(func() {
			for c := range todo {
				c.verdict = runCell(ctx, o, dir, bin, c)
				fmt.Fprintf(os.Stderr, "lab: %s on %s: %s\n", c.test, c.suite, c.verdict)
				for _, said := range c.verdict.said {
					fmt.Printf("%s on %s: %s\n", c.test, c.suite, said)
				}
			}
		})
	}
	for _, c := range cells {
		todo <- c
	}
	close(todo)
	wg.Wait()
	again(ctx, o, cells, func(c *cell) verdict { return runCell(ctx, o, dir, bin, c) })
	fmt.Print(table(cells))
	fmt.Print(details(cells))
	fmt.Print(markdown(allTables(cells)))
	fmt.Printf("%s in %s\n", tally(cells), time.Since(start).Round(time.Second))
	return !anyFailed(cells)
}

// again runs what failed once more, alone, where it is no more than o.again
// scenarios: on a busy machine a daemon of the guest may miss a time limit. What
// was said at first is kept, and the table tells that it was the second try. Harm that
// was done is not done by a time limit, and stays a failure.
func again(ctx context.Context, o options, cells []*cell, run func(*cell) verdict) {
	var failed []*cell
	for _, c := range cells {
		if !c.verdict.passed {
			failed = append(failed, c)
		}
	}
	if len(failed) > o.again || ctx.Err() != nil {
		return
	}
	for _, c := range failed {
		first := c.verdict
		if first.harm {
			continue
		}
		c.verdict = run(c)
		fmt.Fprintf(os.Stderr, "lab: %s on %s, once more: %s\n", c.test, c.suite, c.verdict)
		fmt.Printf("\n=== %s on %s, at the first try: %s\n%s", c.test, c.suite, first.words, first.detail)
		if c.verdict.passed {
			c.verdict.words = "pass at the second try (" + first.words + ")"
		}
	}
}

// runCell boots one guest for one scenario and judges what it left.
func runCell(ctx context.Context, o options, dir string, bin payload, c *cell) verdict {
	if ctx.Err() != nil {
		return verdict{words: "not run"}
	}
	g := &guestRun{
		cache: o.cache, cpus: o.cpus, suite: c.suite, test: c.test, timeout: o.limit(c.test),
		dir: filepath.Join(dir, c.suite, c.test), env: o.soak(c.suite),
	}
	if o.verbose {
		g.say = prefixed(os.Stdout, fmt.Sprintf("%s %s | ", c.suite, c.test))
	}
	e, err := g.run(ctx, bin)
	if err != nil {
		return verdict{words: err.Error()}
	}
	c.tables, c.outcome = tablesIn(g.payload(), c.suite), text(filepath.Join(g.payload(), "outcome"))
	v := judge(e)
	if c.test != realRun || c.suite != realRunSuite || !v.passed {
		return v
	}
	c.shown = text(filepath.Join(g.payload(), "realrun"))
	if c.err = checkRealRun(bin.root, c.shown); c.err != nil {
		v = verdict{words: c.err.Error(), detail: c.shown, took: v.took}
	}
	return v
}

// table prints the scenarios down, the distributions across, in columns.
func table(cells []*cell) string {
	rows, columns := axes(cells)
	words := map[[2]string]string{}
	for _, c := range cells {
		words[[2]string{c.test, c.suite}] = c.verdict.String()
	}
	lines := [][]string{append([]string{"scenario"}, columns...)}
	for _, r := range rows {
		line := []string{r}
		for _, s := range columns {
			w, ok := words[[2]string{r, s}]
			if !ok {
				w = "-"
			}
			line = append(line, w)
		}
		lines = append(lines, line)
	}
	return aligned(lines)
}

// axes are the scenarios and distributions that occur, in order of appearance
// and of age.
func axes(cells []*cell) (rows, columns []string) {
	seen := map[string]bool{}
	for _, c := range cells {
		if !seen["t "+c.test] {
			rows = append(rows, c.test)
		}
		seen["t "+c.test], seen["s "+c.suite] = true, true
	}
	for _, s := range allSuites {
		if seen["s "+s] {
			columns = append(columns, s)
		}
	}
	return rows, columns
}

// aligned prints lines of cells as columns of equal width.
func aligned(lines [][]string) string {
	width := make([]int, len(lines[0]))
	for _, l := range lines {
		for i, w := range l {
			width[i] = max(width[i], len(w))
		}
	}
	var b strings.Builder
	for _, l := range lines {
		for i, w := range l {
			if i < len(l)-1 {
				w = fmt.Sprintf("%-*s  ", width[i], w)
			}
			b.WriteString(w)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// details prints, for each scenario that failed, what it and its guest said.
func details(cells []*cell) string {
	var b strings.Builder
	for _, c := range cells {
		if !c.verdict.passed && c.verdict.detail != "" {
			fmt.Fprintf(&b, "\n=== %s on %s: %s\n%s", c.test, c.suite, c.verdict.words, c.verdict.detail)
		}
	}
	return b.String()
}

func allTables(cells []*cell) []shown {
	var out []shown
	for _, c := range cells {
		out = append(out, c.tables...)
	}
	return out
}

func tally(cells []*cell) string {
	passed := 0
	for _, c := range cells {
		if c.verdict.passed {
			passed++
		}
	}
	return fmt.Sprintf("%d of %d passed", passed, len(cells))
}

func anyFailed(cells []*cell) bool {
	for _, c := range cells {
		if !c.verdict.passed {
			return true
		}
	}
	return false
}
