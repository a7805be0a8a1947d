package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/peers"
)

// A trial is one rule in one situation on one distribution.
type trial struct {
	rule, test, suite string
	words             string // the table's cell
	err               error  // it could not be told
}

// compare puts every rule into every situation on each distribution, each on a
// boot of its own, and prints the table, or writes it into the README, or
// compares it with the README's.
func compare(ctx context.Context, o options, root, dir string, bin payload) (bool, error) {
	trials := allTrials(o)
	todo := make(chan *trial)
	var wg sync.WaitGroup
	for range min(o.jobs, len(trials)) {
		wg.Go(func() {
			for t := range todo {
				begun := time.Now()
				t.words, t.err = try(ctx, o, dir, bin, t)
				fmt.Fprintf(os.Stderr, "lab: %s by %s on %s: %s%s (%.0fs)\n", t.test, t.rule, t.suite, t.words, complaintOf(t.err), time.Since(begun).Seconds())
			}
		})
	}
	for _, t := range trials {
		todo <- t
	}
	close(todo)
	wg.Wait()
	for _, t := range trials {
		if t.err != nil {
			return false, fmt.Errorf("%s by %s on %s: %w", t.test, t.rule, t.suite, t.err)
		}
	}
	made := fmt.Sprintf("\nMade by `go run ./internal/lab -suites %s -peers write`.\n", strings.Join(o.suites, ","))
	return deliver(o.peers, filepath.Join(root, "README.md"), peers.Table(rows(trials))+made)
}

func complaintOf(err error) string {
	if err == nil {
		return ""
	}
	return shortened(err.Error(), 100)
}

// allTrials pairs the situations that are wanted with distributions and rules.
func allTrials(o options) []*trial {
	var out []*trial
	for _, s := range peers.Situations() {
		if !o.run.MatchString(s.Test) {
			continue
		}
		for _, suite := range o.suites {
			for _, r := range peers.Rules() {
				out = append(out, &trial{rule: r.Name, test: s.Test, suite: suite})
			}
		}
	}
	return out
}

// try boots a guest for one trial and finds in its output what came of it.
func try(ctx context.Context, o options, dir string, bin payload, t *trial) (string, error) {
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	g := &guestRun{
		cache: o.cache, cpus: o.cpus, suite: t.suite, test: t.test, timeout: o.timeout,
		dir: filepath.Join(dir, t.suite, t.test, t.rule), env: []string{"RULE=" + t.rule},
	}
	if o.verbose {
		g.say = prefixed(os.Stdout, fmt.Sprintf("%s %s %s | ", t.suite, t.test, t.rule))
	}
	e, err := g.run(ctx, bin)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(e.output) {
		if _, cell, ok := strings.Cut(strings.TrimSpace(line), ": "+peers.Says); ok {
			return cell, nil
		}
	}
	return "", fmt.Errorf("the scenario never came to it: %s\n%s", words(e), detail(e))
}

// rows gathers the trials, which come in the order of the table.
func rows(trials []*trial) []peers.Row {
	var out []peers.Row
	for _, t := range trials {
		if n := len(out); n == 0 || out[n-1].Test != t.test || out[n-1].Suite != t.suite {
			out = append(out, peers.Row{Test: t.test, Suite: t.suite})
		}
		out[len(out)-1].Cells = append(out[len(out)-1].Cells, t.words)
	}
	return out
}

// deliver does with the table what was asked for.
func deliver(how, readme, table string) (bool, error) {
	fmt.Print(table)
	if how == "print" {
		return true, nil
	}
	document, err := os.ReadFile(readme)
	if err != nil {
		return false, err
	}
	text, err := peers.Replaced(string(document), table)
	if err != nil {
		return false, fmt.Errorf("%s: %w", readme, err)
	}
	if how == "write" {
		return true, os.WriteFile(readme, []byte(text), 0o644)
	}
	if text != string(document) {
		fmt.Fprintf(os.Stderr, "lab: the table in %s is another one\n", readme)
	}
	return text == string(document), nil
}
