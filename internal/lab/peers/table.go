package peers

import (
	"fmt"
	"slices"
	"strings"
)

// A Row is what came of one situation on one distribution, a cell for each rule.
type Row struct {
	Test, Suite string
	Cells       []string
}

// Table prints rows in Markdown, one line for the distributions of a situation
// that came to the same.
func Table(rows []Row) string {
	head, rule := []string{"situation", "distribution"}, []string{"---", "---"}
	for _, r := range Rules() {
		head, rule = append(head, r.Title), append(rule, "---")
	}
	lines := []string{line(head), line(rule)}
	for _, s := range Situations() {
		for _, same := range alike(rows, s.Test) {
			var suites []string
			for _, r := range same {
				suites = append(suites, r.Suite)
			}
			lines = append(lines, line(append([]string{s.Title, strings.Join(suites, ", ")}, same[0].Cells...)))
		}
	}
	return strings.Join(lines, "")
}

// alike groups a situation's rows by their cells, in order of appearance.
func alike(rows []Row, test string) [][]Row {
	var out [][]Row
	for _, r := range rows {
		if r.Test != test {
			continue
		}
		i := slices.IndexFunc(out, func(g []Row) bool { return slices.Equal(g[0].Cells, r.Cells) })
		if i < 0 {
			out, i = append(out, nil), len(out)
		}
		out[i] = append(out[i], r)
	}
	return out
}

func line(cells []string) string {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// The table stands in the README between these two lines.
const (
	Begin = "<!-- peers: go run ./internal/lab -peers write -->\n"
	End   = "<!-- /peers -->\n"
)

// Marked is the part of a document between the two marks.
func Marked(document string) (string, error) {
	_, rest, found := strings.Cut(document, Begin)
	inside, _, closed := strings.Cut(rest, End)
	if !found || !closed {
		return "", fmt.Errorf("there are no lines %q and %q", strings.TrimSpace(Begin), strings.TrimSpace(End))
	}
	return inside, nil
}

// Replaced is the document with another table between the two marks.
func Replaced(document, table string) (string, error) {
	old, err := Marked(document)
	if err != nil {
		return "", err
	}
	return strings.Replace(document, Begin+old+End, Begin+table+End, 1), nil
}
