//go:build lab && linux

package scenario

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

const lockDir = "/run/lunsweep"

// Several sweeps carry out one plan at once, while the sessions are scanned
// again and again: every LU is removed by one of them, and is gone, or is being
// worked on, to the others. None reports anything else.
func TestSweepsSideBySide(t *testing.T) {
	const luns, first, sweeps = 4, 1, 3
	g, lus := array(t, luns, guest.Conf{NoPathRetry: "queue", FriendlyNames: true})
	pattern := guest.WritePattern(t, guest.MapOf(t, g.Disks(t, 0)[0]).Dev(), 5)
	maps, disks := map[int]guest.Map{}, map[int][]string{}
	for lun := range luns {
		disks[lun] = g.Disks(t, lun)
		maps[lun] = guest.MapOf(t, disks[lun][0])
	}
	for lun := first; lun < luns; lun++ {
		g.Unmap(t, lun)
	}
	for lun := first; lun < luns; lun++ {
		guest.WaitFailed(t, maps[lun])
	}
	const file = "/tmp/plan.json"
	r := swept(t, "plan", "-own", "all", "-dwell", "0", "-max-dead", "100", "-o", file)
	if r.Code != 3 {
		t.Fatalf("sweep plan ended with %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}

	stop := make(chan struct{})
	var scans, runs sync.WaitGroup
	scans.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(300 * time.Millisecond):
				_, _ = guest.Try("iscsiadm", "-m", "node", "-T", g.IQN, "--rescan")
			}
		}
	})
	trace, results := guest.Traced(t, "sweep"), make([]guest.Result, sweeps)
	for i := range results {
		runs.Go(func() {
			results[i] = guest.Sweep(t, limit, "apply", "-plan", file, "-json", "-max-dead", "100")
		})
	}
	runs.Wait()
	belongs(t, trace(), planIn(t, file), nil)
	close(stop)
	scans.Wait()

	removed := map[string]int{}
	for _, r := range results {
		for _, x := range outcomes(t, r) {
			came.done(t, x.WWID, x.Outcome, x.Reason)
			switch x.Outcome {
			case "removed":
				removed[x.WWID]++
			case "absent":
			default:
				if locked := strings.Contains(x.Reason, "is being worked on by sweep (pid "); x.Outcome != "refused" || !locked {
					t.Errorf("%s: %s: %s", x.WWID, x.Outcome, x.Reason)
				}
			}
		}
	}
	for lun := first; lun < luns; lun++ {
		if n := removed[lus[lun].WWID()]; n != 1 {
			t.Errorf("LUN %d was removed by %d sweeps", lun, n)
		}
		expectGone(t, maps[lun], disks[lun]...)
	}
	for lun := range first {
		expectThere(t, maps[lun], 2)
	}
	pattern.Check(t)
	if files := guest.Ls(lockDir); len(files) > 0 {
		t.Errorf("%s still has %v", lockDir, files)
	}
}

type outcome struct{ WWID, Outcome, Reason string }

// outcomes are the results in what sweep -json printed.
func outcomes(t *testing.T, r guest.Result) []outcome {
	t.Helper()
	var doc struct {
		Results []outcome
		Error   *string
	}
	if err := json.Unmarshal([]byte(r.Stdout), &doc); err != nil {
		t.Fatalf("%v\n%s%s", err, r.Stdout, r.Stderr)
	}
	if doc.Error != nil || r.Code != 0 && r.Code != 3 {
		t.Error(fmt.Errorf("sweep ended with %d: %v\n%s", r.Code, doc.Error, r.Stderr))
	}
	return doc.Results
}
