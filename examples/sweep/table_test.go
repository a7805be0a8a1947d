package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGrid(t *testing.T) {
	g := grid{
		head: []string{"MAP", "PATHS", "READ"},
		rows: []gridRow{
			{cells: [][]string{{"mpatha"}, {"sda: running", "sdb: offline"}, {"readable"}}, notes: []string{"why it is so"}},
			{cells: [][]string{{"b…"}, {"none"}, {""}}},
		},
	}
	want := strings.Join([]string{
		"MAP     PATHS         READ",
		"mpatha  sda: running  readable",
		"        sdb: offline",
		"    why it is so",
		"b…      none",
	}, "\n")
	if diff := cmp.Diff(want, strings.Join(g.lines(), "\n")); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestGridPaintsWithoutShifting(t *testing.T) {
	s := style{colour: true}
	g := grid{head: []string{"A", "B"}, rows: []gridRow{{
		cells: [][]string{{"x"}, {"y"}},
		paint: func(i int, text string) string { return s.bad(text) },
	}}}
	want := "\x1b[1;31mx\x1b[0m  \x1b[1;31my\x1b[0m"
	if diff := cmp.Diff(want, g.lines()[1]); diff != "" {
		t.Errorf("painted (-want +got):\n%s", diff)
	}
}
