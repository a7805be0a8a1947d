package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// outcomesPage shows, for each scenario that sweeps and each distribution, what
// came of the LUs that were not in order.
const outcomesPage = "internal/lab/OUTCOMES.md"

const outcomesHead = "# What came of it\n\n" +
	"Of the LUs of each scenario that were not in order: how many a sweep removed, how many it refused to remove when it\n" +
	"came to it, and how many it left when it planned, and why. What is left at first, as long as it is in use for one, and\n" +
	"removed by a later sweep counts in both. Each line is from a run on a real kernel with the distribution's own\n" +
	"multipathd; that nothing else was touched is what the scenarios check. Made by\n" +
	"`go run ./internal/lab -suites all -outcomes write`, which puts in the lines of what it has run.\n\n"

// An outcome is what came of one scenario on one distribution.
type outcome struct {
	test, suite string
	cells       string // removed, refused, left
}

// outcomesOf are those of the cells that swept anything, and passed.
func outcomesOf(cells []*cell) []outcome {
	var out []outcome
	for _, c := range cells {
		if c.outcome != "" && c.verdict.passed {
			out = append(out, outcome{c.test, c.suite, strings.Join(strings.Split(c.outcome, "\t"), " | ")})
		}
	}
	return out
}

// deliverOutcomes prints the outcomes, and writes them into the page, or compares
// them with it.
func deliverOutcomes(how, root string, found []outcome) (bool, error) {
	about, err := abouts(filepath.Join(root, "internal/lab/scenario"))
	if err != nil {
		return false, err
	}
	fmt.Print("\n" + outcomesTable(found, about))
	if how == "print" {
		return true, nil
	}
	page := filepath.Join(root, outcomesPage)
	text, err := os.ReadFile(page)
	if err != nil && !os.IsNotExist(err) {
		return false, err
	}
	known := outcomesIn(string(text))
	if how == "write" {
		return true, os.WriteFile(page, []byte(outcomesHead+outcomesTable(merged(known, found), about)), 0o644)
	}
	same := true
	for _, o := range found {
		if !slices.Contains(known, o) {
			same = false
			fmt.Fprintf(os.Stderr, "lab: %s has something else of %s on %s than %s\n", outcomesPage, o.test, o.suite, o.cells)
		}
	}
	return same, nil
}

// merged are the outcomes that were known, those that were found in their place.
func merged(known, found []outcome) []outcome {
	all := map[[2]string]outcome{}
	for _, o := range slices.Concat(known, found) {
		all[[2]string{o.test, o.suite}] = o
	}
	return slices.Collect(maps.Values(all))
}

// outcomesTable prints outcomes in Markdown, one line for the distributions on
// which a scenario came to the same.
func outcomesTable(all []outcome, about map[string]string) string {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b outcome) int {
		return cmp.Or(cmp.Compare(a.test, b.test), cmp.Compare(slices.Index(allSuites, a.suite), slices.Index(allSuites, b.suite)))
	})
	type key struct{ test, cells string }
	var order []key
	suites := map[key][]string{}
	for _, o := range all {
		k := key{o.test, o.cells}
		if suites[k] == nil {
			order = append(order, k)
		}
		suites[k] = append(suites[k], o.suite)
	}
	var b strings.Builder
	writeRow(&b, []string{"scenario", "what happens", "distribution", "removed", "refused", "left"})
	writeRow(&b, slices.Repeat([]string{"---"}, 6))
	for _, k := range order {
		writeRow(&b, []string{k.test, about[k.test], strings.Join(suites[k], ", "), k.cells})
	}
	return b.String()
}

// outcomesIn reads the outcomes back from the page.
func outcomesIn(page string) []outcome {
	var out []outcome
	for line := range strings.Lines(page) {
		f := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(f) != 6 || !strings.HasPrefix(line, "| Test") {
			continue
		}
		for suite := range strings.SplitSeq(f[2], ", ") {
			out = append(out, outcome{strings.TrimSpace(f[0]), suite, strings.TrimSpace(strings.Join(f[3:], " | "))})
		}
	}
	return out
}

// abouts are the first sentences of the scenarios' comments.
func abouts(dir string) (map[string]string, error) {
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go")) // the pattern is right
	out := map[string]string{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(d.Name.Name, "Test") {
				out[d.Name.Name] = firstSentence(d.Doc.Text())
			}
		}
	}
	return out, nil
}

func firstSentence(doc string) string {
	text := strings.Join(strings.Fields(doc), " ")
	first, _, _ := strings.Cut(text, ". ")
	return strings.ReplaceAll(strings.TrimSuffix(first, "."), "|", `\|`)
}
