package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lunsweep/lunsweep/remediate"
)

// A record says whose a LU is, also to the next process, and its end takes that
// back.
func TestRecords(t *testing.T) {
	dir := t.TempDir()
	r, err := openRecords(dir)
	must(t, err)
	v := volume{ID: "pvc/../1", WWID: "36001405", Target: iqn, Portals: []string{"10.0.0.1:3260"}, LUN: 5}
	must(t, r.put(v))
	must(t, r.put(v))
	r, err = openRecords(dir)
	must(t, err)
	for wwid, want := range map[string]remediate.Ownership{"36001405": remediate.Mine, "36001406": remediate.OwnerUnknown} {
		c, err := r.owner(t.Context(), remediate.Subject{WWID: wwid})
		if err != nil || c.Owner != want {
			t.Errorf("%s: %+v, %v, want %s", wwid, c, err, want)
		}
	}
	must(t, r.remove(v.ID))
	must(t, r.remove(v.ID))
	if _, found, err := r.get(v.ID); found || err != nil {
		t.Errorf("it is still there: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("left in the directory: %v, %v", entries, err)
	}
}

// Where the records cannot be read, nobody says whose anything is.
func TestRecordsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	r, err := openRecords(dir)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "v-x.json"), []byte(`{"id":"x","wwid":"36`), 0o600))
	if c, err := r.owner(t.Context(), remediate.Subject{WWID: "36001405"}); err == nil {
		t.Errorf("a record cut short: %+v", c)
	}
	must(t, os.RemoveAll(dir))
	if c, err := r.owner(t.Context(), remediate.Subject{WWID: "36001405"}); err == nil {
		t.Errorf("no records at all: %+v", c)
	}
}
