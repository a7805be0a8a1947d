//go:build lab && linux

package scenario

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// Without root the command says what it could not see, does nothing, and exits
// with 1.
func TestNotRoot(t *testing.T) {
	d, _, maps := runbook(t, "fail")
	d.VanishLUNs(t, 2)
	guest.WaitFailed(t, maps[2])
	before := guest.DmsetupLs(t)
	for _, args := range [][]string{
		{"scan"}, {"plan", "-own", "all", "-dwell", "0"}, {"apply", "-yes", "-own", "all", "-dwell", "0"},
	} {
		trace := guest.Traced(t, "sweep")
		r := guest.SweepAs(t, limit, 65534, args...)
		does(t, trace(), nil, nil)
		if r.Code != 1 || !strings.Contains(r.Stderr, "root") {
			t.Errorf("sweep %v as nobody: exit status %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
		}
		t.Logf("sweep %v as nobody:\n%s%s", args, r.Stdout, r.Stderr)
	}
	r := guest.SweepAs(t, limit, 65534, "scan", "-json")
	var doc struct {
		Devices []struct {
			WWID      string `json:"wwid"`
			Removable bool   `json:"removable"`
			InUse     []any  `json:"in_use"`
		} `json:"devices"`
	}
	if err := json.Unmarshal([]byte(r.Stdout), &doc); err != nil || len(doc.Devices) == 0 {
		t.Fatalf("sweep scan -json as nobody: %v\n%s", err, r.Stdout)
	}
	for _, dev := range doc.Devices {
		if dev.Removable || len(dev.InUse) == 0 {
			t.Errorf("as nobody, %s counts as removable (%v) or unused (%v)", dev.WWID, dev.Removable, dev.InUse)
		}
	}
	if after := guest.DmsetupLs(t); len(after) != len(before) {
		t.Errorf("maps before %v, after %v", before, after)
	}
}
