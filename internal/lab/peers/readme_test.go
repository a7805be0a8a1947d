package peers

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The README's table has the columns and rows that the lab would print, each row
// for the same distributions.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	table, err := Marked(string(readme))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(table), "\n")
	if want := strings.TrimSpace(strings.Split(Table(nil), "\n")[0]); lines[0] != want {
		t.Errorf("its columns are %s\nwant %s", lines[0], want)
	}
	suites := map[string][]string{}
	for _, l := range lines[min(2, len(lines)):] {
		if !strings.HasPrefix(l, "|") {
			continue // which command made it
		}
		cells := strings.Split(strings.Trim(l, "| "), " | ")
		if len(cells) != 2+len(Rules()) || slices.Contains(cells, "") {
			t.Errorf("not a whole row: %s", l)
			continue
		}
		suites[cells[0]] = append(suites[cells[0]], strings.Split(cells[1], ", ")...)
	}
	want := suites[Situations()[0].Title]
	slices.Sort(want)
	if len(want) == 0 {
		t.Error("it names no distribution")
	}
	for _, s := range Situations() {
		slices.Sort(suites[s.Title])
		if !slices.Equal(suites[s.Title], want) {
			t.Errorf("%s: it has the distributions %v, others have %v", s.Title, suites[s.Title], want)
		}
		delete(suites, s.Title)
	}
	for title := range suites {
		t.Errorf("a row for what the lab does not make: %s", title)
	}
}
