package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ratios is the name of the table that every benchmark adds its rows to.
const ratios = "ratios"

// The marks between which a README shows that table.
const (
	ratiosBegin = "<!-- bench: go run ./internal/lab -bench -write -->\n"
	ratiosEnd   = "<!-- /bench -->"
)

// writeRatios puts the table into every README of the module, with the command
// that made it, -run included: a table of some benchmarks says so.
func writeRatios(root string, o options, all []shown) error {
	table := joined(all, ratios)
	if table == "" {
		return fmt.Errorf("no benchmark has filled the table %q", ratios)
	}
	chosen := ""
	if o.run != nil && o.run.String() != "" {
		chosen = fmt.Sprintf(" -run '%s'", o.run)
	}
	table += fmt.Sprintf("\nMade by `go run ./internal/lab -bench -suites %s%s -write`.\n", strings.Join(o.suites, ","), chosen)
	for _, name := range []string{"README.md", "README.zh-CN.md"} {
		file := filepath.Join(root, name)
		document, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text, err := between(string(document), ratiosBegin, ratiosEnd, table)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// between is the document with another text between two marks.
func between(document, begin, end, text string) (string, error) {
	head, rest, found := strings.Cut(document, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("there are no lines %q and %q", strings.TrimSpace(begin), end)
	}
	return head + begin + text + end + tail, nil
}
