package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpread(t *testing.T) {
	var got []string
	for _, c := range matrix([]string{"A", "B", "C"}, []string{"bookworm", "sid"}, true) {
		got = append(got, c.test+" "+c.suite)
	}
	if diff := cmp.Diff([]string{"A bookworm", "B sid", "C bookworm"}, got); diff != "" {
		t.Error(diff)
	}
	if n := len(matrix([]string{"A", "B", "C"}, []string{"bookworm", "sid"}, false)); n != 6 {
		t.Errorf("%d cells", n)
	}
}

// What failed is run once more, and the table tells; where much failed it is not
// the machine.
func TestAgain(t *testing.T) {
	fresh := func() []*cell {
		return []*cell{
			{test: "TestA", suite: "sid", verdict: verdict{passed: true, words: "pass"}},
			{test: "TestB", suite: "sid", verdict: verdict{words: "late"}},
		}
	}
	ran := 0
	pass := func(*cell) verdict { ran++; return verdict{passed: true, words: "pass"} }
	cells := fresh()
	again(t.Context(), options{again: 1}, cells, pass)
	if ran != 1 || anyFailed(cells) || cells[1].verdict.words != "pass at the second try (late)" {
		t.Errorf("ran %d times: %+v", ran, cells[1].verdict)
	}
	cells = fresh()
	cells[1].verdict.harm = true
	again(t.Context(), options{again: 1}, cells, pass)
	if ran != 1 || !anyFailed(cells) {
		t.Errorf("after harm: ran %d times: %+v", ran, cells[1].verdict)
	}
	cells = fresh()
	again(t.Context(), options{}, cells, pass)
	if ran != 1 || !anyFailed(cells) {
		t.Errorf("ran %d times: %+v", ran, cells[1].verdict)
	}
}

func TestTable(t *testing.T) {
	cells := []*cell{
		{test: "TestLong", suite: "sid", verdict: verdict{passed: true, words: "pass"}},
		{test: "TestB", suite: "bookworm", verdict: verdict{words: "no end within 3m0s"}},
	}
	want := strings.TrimPrefix(`
scenario  bookworm            sid
TestLong  -                   pass
TestB     no end within 3m0s  -
`, "\n")
	if diff := cmp.Diff(want, table(cells)); diff != "" {
		t.Error(diff)
	}
	if !anyFailed(cells) || tally(cells) != "1 of 2 passed" {
		t.Error(tally(cells))
	}
}

func TestChosenSuites(t *testing.T) {
	for _, c := range []struct {
		flag   string
		spread bool
		want   []string
		bad    bool
	}{
		{want: []string{"bookworm", "trixie"}},
		{spread: true, want: allSuites},
		{flag: "all", want: allSuites},
		{flag: "sid", spread: true, want: []string{"sid"}},
		{flag: "sid,etch", bad: true},
		{flag: "sid,", bad: true},
	} {
		got, err := chosenSuites(c.flag, c.spread)
		if diff := cmp.Diff(c.want, got); diff != "" || (err != nil) != c.bad {
			t.Errorf("%+v: %v %s", c, err, diff)
		}
	}
}

func TestInstalled(t *testing.T) {
	status := "Package: kpartx\nStatus: install ok installed\nPriority: optional\n\nPackage: gone\nStatus: deinstall ok config-files\n"
	got, err := installed(strings.NewReader(status))
	if diff := cmp.Diff(map[string]bool{"kpartx": true}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestPrefixed(t *testing.T) {
	var b strings.Builder
	w := prefixed(&b, "x | ")
	for _, s := range []string{"one\ntw", "o\n", "rest"} {
		if _, err := w.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff("x | one\nx | two\n", b.String()); diff != "" {
		t.Error(diff)
	}
}
