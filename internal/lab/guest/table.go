//go:build linux

package guest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Show hands the lab what the README's real run must show.
func Show(t testing.TB, text string) {
	t.Helper()
	if err := os.WriteFile("/payload/realrun", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A Table is what a scenario has to show: the lab prints it, joined with the same
// table of other distributions.
type Table struct {
	t    testing.TB
	file string
}

// NewTable begins the table called name, with these columns.
func NewTable(t testing.TB, name string, columns ...string) *Table {
	t.Helper()
	if err := os.MkdirAll("/payload/tables", 0o755); err != nil {
		t.Fatal(err)
	}
	table := &Table{t: t, file: filepath.Join("/payload/tables", name)}
	table.Row(columns...)
	return table
}

// Row adds a row.
func (x *Table) Row(cells ...string) {
	x.t.Helper()
	x.t.Log(strings.Join(cells, " | "))
	f, err := os.OpenFile(x.file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		x.t.Fatal(err)
	}
	if _, err := f.WriteString(strings.Join(cells, "\t") + "\n"); err != nil {
		x.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		x.t.Fatal(err)
	}
}

// Outcome says what came of the scenario's LUs: the lab puts it into its table of
// outcomes. What is said last counts.
func Outcome(t testing.TB, removed, refused, left string) {
	t.Helper()
	line := strings.Join([]string{removed, refused, left}, "\t")
	if err := os.WriteFile("/payload/outcome", []byte(line), 0o644); err != nil {
		t.Error(err)
	}
}
