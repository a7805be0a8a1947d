//go:build lab && linux

package scenario

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// A plan that was edited, that was made on another host or before the last boot,
// or that is too old, is refused as a whole, in words that say which of these it
// is, and nothing is written.
func TestPlanRefused(t *testing.T) {
	_, _, maps := runbookLost(t)
	const file = "/tmp/plan.json"
	if r := swept(t, "plan", "-own", "all", "-dwell", "0", "-o", file); r.Code != 3 {
		t.Fatalf("sweep plan: exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	good := guest.Read(t, file)
	rejected := func(what string, words ...string) {
		t.Helper()
		r, trace := guest.SweepTraced(t, limit, "apply", "-plan", file)
		belongs(t, trace, nil, maps)
		t.Logf("%s: %s", what, r.Stderr)
		missing := slices.ContainsFunc(append(words, "stale plan"), func(w string) bool { return !strings.Contains(r.Stderr, w) })
		if r.Code != 1 || missing {
			t.Errorf("%s: exit status %d, want 1 and the words %q:\n%s%s", what, r.Code, words, r.Stdout, r.Stderr)
		}
	}
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Replace(good, `"dev": "`+maps[2].Paths[0]+`"`, `"dev": "`+maps[0].Paths[0]+`"`, 1))
	rejected("edited", "contents", "edited")
	write(good)

	guest.Write(t, "/proc/sys/kernel/hostname", "elsewhere")
	rejected("of another host", "host was lab", "elsewhere")
	guest.Write(t, "/proc/sys/kernel/hostname", "lab")

	if err := os.WriteFile("/tmp/boot_id", []byte("00000000-0000-4000-8000-000000000001\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	const boot = "/proc/sys/kernel/random/boot_id"
	guest.Run(t, "mount", "--bind", "/tmp/boot_id", boot)
	rejected("of another boot", "restarted")
	if err := syscall.Unmount(boot, 0); err != nil {
		t.Fatal(err)
	}

	guest.Run(t, "date", "--set", "+20 min")
	rejected("expired", "valid until")
	if maps := guest.Maps(); len(maps) != 4 {
		t.Errorf("there are %+v", maps)
	}
}

// runbookLost is the runbook's host, two of its LUs gone.
func runbookLost(t *testing.T) (*guest.Debug, *guest.Multipathd, []guest.Map) {
	t.Helper()
	d, daemon, maps := runbook(t, "fail")
	d.VanishLUNs(t, 2)
	guest.WaitFailed(t, maps[2])
	guest.WaitFailed(t, maps[3])
	return d, daemon, maps
}
