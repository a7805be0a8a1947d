//go:build lab && linux

package scenario

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A victim is a LU at whose removal sweep is killed.
type victim struct {
	m      guest.Map
	disks  []string
	before string // the change that the killed run did not live to make
}

// killAt removes one LU and is killed before the n-th of the changes that count,
// or runs to its end where there are not so many. Its note is kept away from the
// runs to come, which would put right what it says, until bringNotes.
func killAt(t *testing.T, v *victim, counts func(change string) bool, n int, args ...string) {
	t.Helper()
	journal := filepath.Join(t.TempDir(), "journal")
	k := guest.SweepKilled(t, func(change string) bool {
		if counts(change) {
			n--
		}
		return n < 0
	}, append([]string{"apply", "-yes", "-own", "wwid:" + v.m.WWID, "-dwell", "0", "-max-dead", "100", "-journal", journal}, args...)...)
	if v.before = k.Before; k.Before == "" && k.Code != 0 && k.Code != 3 { // 3: others are left
		t.Fatalf("sweep, left to its end, ended with %d\n%s", k.Code, k.Output)
	}
	expectTold(t, journal, k)
	takeNotes(t)
}

// told is which step the journal must end with the begin of, by a word in the
// change that came not about.
var told = map[string]remediate.Action{
	"disablequeueing": remediate.DisableQueueing, "del map": remediate.FlushMap,
	`/state "offline`: remediate.OfflinePath, `/delete "1`: remediate.DeletePath,
}

// expectTold reads the journal of a killed run: its last word is what was being
// done.
func expectTold(t *testing.T, journal string, k guest.Killing) {
	t.Helper()
	f, err := os.Open(journal)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var last remediate.Event
	for s := bufio.NewScanner(f); s.Scan(); {
		last = remediate.Event{}
		if err := json.Unmarshal(s.Bytes(), &last); err != nil {
			t.Fatalf("the journal says %q: %v", s.Text(), err)
		}
	}
	for word, step := range told {
		if strings.Contains(k.Before, word) && (last.Kind != remediate.EventBegin || last.Action != step) {
			t.Errorf("killed before %s, and the journal ends with %s %s", k.Before, last.Kind, last.Action)
		}
	}
}

const keptDir = "/run/lunsweep-kept"

func takeNotes(t *testing.T)  { move(t, lockDir, keptDir) }
func bringNotes(t *testing.T) { move(t, keptDir, lockDir) }

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	notes, _ := filepath.Glob(filepath.Join(from, "*.note"))
	for _, n := range notes {
		if err := os.Rename(n, filepath.Join(to, filepath.Base(n))); err != nil {
			t.Fatal(err)
		}
	}
}

// Killed before each of its changes, and run again by a new plan, sweep comes to
// the same end as if it had not been: what is gone is removed; what has come back
// meanwhile is as it was before. Each of these takes every fifth of the changes.
func TestCrash0(t *testing.T) { crashes(t, each, 0, 5) }

// The same, killed before the second of its changes, and before every fifth from there.
func TestCrash1(t *testing.T) { crashes(t, each, 1, 5) }

// The same, killed before the third of its changes, and before every fifth from there.
func TestCrash2(t *testing.T) { crashes(t, each, 2, 5) }

// The same, killed before the fourth of its changes, and before every fifth from there.
func TestCrash3(t *testing.T) { crashes(t, each, 3, 5) }

// The same, killed before the fifth of its changes, and before every fifth from there.
func TestCrash4(t *testing.T) {
	if last := crashes(t, each, 4, 5); last != "" && !strings.HasSuffix(last, ".note") {
		t.Errorf("there are more changes than are tried: %s", last)
	}
}

// The same where multipathd and multipath -f are programs of their own, which are
// killed with sweep before they switch queueing off, and before they flush.
func TestCrashCommand(t *testing.T) { crashes(t, byProgram, 0, 1, "-backend", "command") }

// each leaves out the locks' files, which go with their holders, and what
// multipathd is told of paths that are gone, which depends on how slow it is.
func each(change string) bool {
	switch {
	case strings.HasPrefix(change, "unlink "):
		return strings.HasSuffix(change, ".note")
	case strings.HasPrefix(change, "order "):
		return !strings.Contains(change, "del path")
	}
	return true
}

func byProgram(change string) bool {
	return each(change) && (strings.HasPrefix(change, "order ") || strings.HasPrefix(change, "ioctl "))
}

// crashes kills before the first of the changes that count and then before each
// so many, one LU for each, and all that twice: LUNs 1 to half come back before
// the next run, the others stay away. It returns the last of the changes.
func crashes(t *testing.T, counts func(string) bool, first, every int, args ...string) (last string) {
	const half, luns = 2, 5
	d := guest.ScsiDebug(t, 2, luns)
	guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue", FriendlyNames: true})
	guest.WaitMaps(t, luns, 2)
	var all []*victim
	for lun := range luns {
		all = append(all, &victim{m: d.Map(t, lun), disks: d.Disks(t, lun)})
	}
	d.VanishLUNs(t, 1)
	for lun, v := range all[1:] {
		guest.WaitFailed(t, v.m)
		begun := time.Now()
		killAt(t, v, counts, first+every*(lun%half), args...)
		t.Logf("LUN %d: %s: killed before %s", lun+1, time.Since(begun).Round(time.Millisecond), v.before)
	}
	d.VanishLUNs(t, half+1)
	bringNotes(t)
	back, gone := all[:half+1], all[half+1:]
	left := map[string][]string{}
	for _, v := range back {
		left[v.m.WWID] = slices.DeleteFunc(slices.Clone(v.disks), func(s string) bool { return !slices.Contains(guest.Ls("/sys/block"), s) })
	}

	begun := time.Now()
	r := swept(t, "apply", "-yes", "-own", "all", "-dwell", "0", "-max-dead", "100")
	t.Logf("the next run took %s\n%s%s", time.Since(begun).Round(time.Millisecond), r.Stdout, r.Stderr)
	if r.Code != 0 {
		t.Errorf("the next run ended with %d", r.Code)
	}
	for _, v := range gone {
		t.Logf("gone: %s, killed before %s", v.m.Name, v.before)
		expectGone(t, v.m, v.disks...)
		came.done(t, v.m.WWID, string(remediate.Removed), "")
	}
	for _, v := range back {
		t.Logf("back: %s, killed before %s", v.m.Name, v.before)
		expectAsBefore(t, v.m, left[v.m.WWID])
	}
	expectNotes(t, back)
	return all[luns-1].before
}

// expectNotes checks that nothing is on record but that a flush may be carried out yet,
// of a LU that is back: who was killed at it cannot know.
func expectNotes(t *testing.T, back []*victim) {
	t.Helper()
	for _, file := range guest.Ls(lockDir) {
		var u remediate.Unfinished
		if err := json.Unmarshal([]byte(guest.Read(t, filepath.Join(lockDir, file))), &u); err != nil {
			t.Errorf("%s still has %s: %v", lockDir, file, err)
			continue
		}
		if !u.Pending || len(u.Offline) > 0 || !slices.ContainsFunc(back, func(v *victim) bool { return v.m.WWID == u.WWID }) {
			t.Errorf("%s still has %s: %s", lockDir, file, u)
		}
	}
}

// expectAsBefore checks a LU that is well again, as far as a killed run has left
// anything of it.
func expectAsBefore(t *testing.T, m guest.Map, disks []string) {
	t.Helper()
	if i, there := guest.DmsetupInfo(t)[m.Name]; there {
		if i.Suspended {
			t.Errorf("%s is suspended", m.Name)
		}
		guest.WaitFor(t, m.Name+" queues", 15*time.Second, func() error {
			if !guest.Queueing(t, m.Name) {
				return fmt.Errorf("%s", guest.DmsetupTable(t, m.Name))
			}
			return nil
		})
	}
	for _, d := range disks {
		if state := guest.Read(t, "/sys/block/"+d+"/device/state"); state != "running" {
			t.Errorf("%s is %s", d, state)
		}
	}
}

// A run that is killed between offline and delete, on targets that have no other
// LU to be asked: the next one asks again, and goes on.
func TestCrashAlone(t *testing.T) {
	other := guest.NewTarget(t, "kept", "127.0.0.9")
	other.Map(t, 0, guest.NewBackstore(t, "kept", 8, "ab99"))
	targets := []*guest.Target{other}
	for i := range 2 {
		g := guest.NewTarget(t, fmt.Sprint("alone", i), fmt.Sprint("127.0.1.", i+1), fmt.Sprint("127.0.2.", i+1))
		g.Map(t, 1, guest.NewBackstore(t, fmt.Sprint("b", i), 8, fmt.Sprint("ab0", i)))
		targets = append(targets, g)
	}
	guest.StartInitiator(t, guest.Patience{}, false)
	for _, g := range targets {
		g.Login(t, 1)
	}
	guest.StartMultipathd(t, guest.Conf{NoPathRetry: "queue", FriendlyNames: true})
	guest.WaitFor(t, "3 maps", time.Minute, func() error {
		if n := len(guest.Maps()); n != 3 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	guest.Udev(t)
	var all []*victim
	for _, g := range targets[1:] {
		v := &victim{m: guest.MapOf(t, g.Disks(t, 1)[0]), disks: g.Disks(t, 1)}
		all = append(all, v)
		g.Unmap(t, 1)
		guest.WaitFailed(t, v.m)
	}
	killBefore := func(v *victim, word string, skip int) {
		k := guest.SweepKilled(t, func(change string) bool {
			if strings.Contains(change, word) {
				skip--
			}
			return skip < 0
		}, "apply", "-yes", "-own", "wwid:"+v.m.WWID, "-dwell", "0", "-max-dead", "100")
		t.Logf("%s: killed before %s", v.m.Name, k.Before)
		if k.Before == "" {
			t.Errorf("%s: not killed\n%s", v.m.Name, k.Output)
		}
		takeNotes(t)
	}
	killBefore(all[0], `/delete "1`, 0)
	killBefore(all[1], `/delete "1`, 1) // the first path has gone
	bringNotes(t)
	scan := swept(t, "scan")
	t.Logf("sweep scan:\n%s%s", scan.Stdout, scan.Stderr)
	if n := strings.Count(scan.Stderr, "unfinished"); n != len(all) {
		t.Errorf("sweep scan tells of %d that were left unfinished", n)
	}
	r := swept(t, "apply", "-yes", "-own", "all", "-dwell", "0", "-max-dead", "100")
	t.Logf("the next run:\n%s%s", r.Stdout, r.Stderr)
	if r.Code != 0 {
		t.Errorf("the next run ended with %d", r.Code)
	}
	for _, v := range all {
		expectGone(t, v.m, v.disks...)
	}
	expectThere(t, guest.MapOf(t, other.Disks(t, 0)[0]), 1)
}
