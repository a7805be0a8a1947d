package peers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	row := func(test, suite, cell string) Row { return Row{test, suite, []string{cell, "b", "c", "d", "e"}} }
	got := Table([]Row{
		row("TestPeersHealthy", "sid", "x|y"), row("TestPeersUnmapped", "bookworm", "a"),
		row("TestPeersUnmapped", "trixie", "z"), row("TestPeersUnmapped", "sid", "a"),
	})
	want := []string{
		"| the array unmapped it, nobody uses it | bookworm, sid | a | b | c | d | e |",
		"| the array unmapped it, nobody uses it | trixie | z | b | c | d | e |",
		`| nothing is wrong | sid | x\|y | b | c | d | e |`,
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(got), "\n")[2:]); diff != "" {
		t.Error(diff)
	}
}

func TestReplaced(t *testing.T) {
	doc := "before\n" + Begin + "old\n" + End + "after\n"
	got, err := Replaced(doc, "new\n")
	if err != nil || got != "before\n"+Begin+"new\n"+End+"after\n" {
		t.Errorf("%v: %q", err, got)
	}
	if _, err := Replaced("no marks\n", "new\n"); err == nil {
		t.Error("a document without marks is no error")
	}
}
