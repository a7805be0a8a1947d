package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A shown is one table that a scenario has filled: its columns, then its rows.
type shown struct {
	suite, name string
	lines       [][]string
}

// tablesIn reads what a guest left in its payload's folder tables.
func tablesIn(payload, suite string) []shown {
	files, _ := filepath.Glob(filepath.Join(payload, "tables", "*")) // the pattern is right
	var out []shown
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		s := shown{suite: suite, name: filepath.Base(f)}
		for _, l := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
			s.lines = append(s.lines, strings.Split(l, "\t"))
		}
		out = append(out, s)
	}
	return out
}

// markdown prints the tables of one name as one, the distributions in the first
// column.
func markdown(all []shown) string {
	var names []string
	for _, s := range all {
		if !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "\n%s:\n\n%s", n, joined(all, n))
	}
	return b.String()
}

// joined is the tables of one name as one; "" where there is none.
func joined(all []shown, name string) string {
	var b strings.Builder
	for _, s := range all {
		if s.name != name {
			continue
		}
		if b.Len() == 0 {
			writeRow(&b, append([]string{"distribution"}, s.lines[0]...))
			writeRow(&b, slices.Repeat([]string{"---"}, len(s.lines[0])+1))
		}
		for _, l := range s.lines[1:] {
			writeRow(&b, append([]string{s.suite}, l...))
		}
	}
	return b.String()
}

func writeRow(b *strings.Builder, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}
