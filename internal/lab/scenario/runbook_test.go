//go:build lab && linux

package scenario

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// runbook is the host of the manual runbook: two LUs in use and well, two gone
// on both paths, under the names that operators see.
func runbook(t *testing.T, retry string) (d *guest.Debug, daemon *guest.Multipathd, maps []guest.Map) {
	t.Helper()
	d = guest.ScsiDebug(t, 2, 4)
	daemon = guest.StartMultipathd(t, guest.Conf{NoPathRetry: retry, FriendlyNames: true})
	guest.WaitMaps(t, 4, 2)
	for lun := range 4 {
		maps = append(maps, d.Map(t, lun))
	}
	return d, daemon, maps
}

// The runbook's own case, by the library.
func TestRunbook(t *testing.T) {
	d, _, maps := runbook(t, "fail")
	disks := append(d.Disks(t, 2), d.Disks(t, 3)...)
	pattern, canary := guest.WritePattern(t, maps[0].Dev(), 1), guest.StartCanary(t, maps[1].Dev())
	d.VanishLUNs(t, 2)
	guest.WaitFailed(t, maps[2])
	guest.WaitFailed(t, maps[3])

	s := newSweeper(t)
	untouched(t)
	p := plan(t, s, maps[2].WWID, maps[3].WWID)
	execute(t, s, p, remediate.Removed)

	expectGone(t, maps[2], disks...)
	expectGone(t, maps[3], disks...)
	expectThere(t, maps[0], 2)
	expectThere(t, maps[1], 2)
	pattern.Check(t)
	canary.Check(t, 2*time.Second)

	plan(t, s) // nothing is left to do
	execute(t, s, p, remediate.Absent)
	for _, v := range verify(t, s, p.Targets...) {
		if !v.Gone {
			t.Errorf("verify: %s is said to remain: %v", v.WWID, v.Remains)
		}
	}
}

func verify(t *testing.T, s *remediate.Sweeper, targets ...remediate.Target) []remediate.Verification {
	t.Helper()
	var all []remediate.Verification
	var err error
	watched(t, func() { all, err = s.Verify(bounded(t), targets...) })
	if err != nil {
		t.Fatalf("verify: %+v", err)
	}
	return all
}

// The same by the command, with nothing but its defaults, and as the README shows
// it.
func TestRunbookSweep(t *testing.T) {
	d, maps := orderly(t)
	disks := append(d.Disks(t, 2), d.Disks(t, 3)...)
	d.VanishLUNs(t, 2)
	guest.WaitFailed(t, maps[2])
	guest.WaitFailed(t, maps[3])
	guest.WaitChecked(t, 4, "faulty")
	guest.Udev(t)

	scan := swept(t, "scan")
	t.Logf("sweep scan:\n%s%s", scan.Stdout, scan.Stderr)
	if scan.Code != 3 || !strings.Contains(scan.Stdout, maps[2].Name) {
		t.Fatalf("sweep scan: exit status %d", scan.Code)
	}
	if r := swept(t, "apply", "-yes"); r.Code != 3 {
		t.Fatalf("sweep apply -yes, owning nothing: exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	for _, m := range maps {
		if n := len(guest.DmsetupLs(t)); n != 4 {
			t.Fatalf("owning nothing, it left %d maps (%s)", n, m.Name)
		}
	}
	const file = "plan.json"
	act, trace := guest.SweepTraced(t, limit, "apply", "-yes", "-own", "all", "-o", file)
	t.Logf("sweep apply -yes -own all -o plan.json:\n%s%s", act.Stdout, act.Stderr)
	if act.Code != 0 {
		t.Fatalf("sweep apply -yes -own all: exit status %d", act.Code)
	}
	belongs(t, trace, planIn(t, file), maps[:2])
	expectGone(t, maps[2], disks...)
	expectGone(t, maps[3], disks...)
	expectThere(t, maps[0], 2)
	expectThere(t, maps[1], 2)
	guest.Show(t, "# sweep scan\n"+scan.Stdout+"\n# sweep apply -yes -own all -o plan.json\n"+act.Stdout)

	r := swept(t, "apply", "-yes", "-own", "all")
	t.Logf("once more:\n%s%s", r.Stdout, r.Stderr)
	if r.Code != 0 || !strings.Contains(r.Stdout, "nothing to do") {
		t.Fatalf("sweep apply, once more: exit status %d\n%s", r.Code, r.Stdout)
	}
}

func planIn(t *testing.T, file string) *remediate.Plan {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := remediate.ReadPlan(f)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	return p
}

// orderly is the host of the runbook whose disks, maps and names all come in the
// order of the LUNs, on every boot.
func orderly(t *testing.T) (*guest.Debug, []guest.Map) {
	t.Helper()
	guest.Run(t, "modprobe", "-a", "sd_mod", "sg")
	d := guest.ScsiDebug(t, 2, 4)
	for try := 0; !slices.Equal(d.Disks(t, 0), []string{"sda", "sde"}) || !slices.Equal(d.Disks(t, 3), []string{"sdd", "sdh"}); try++ {
		if try == 10 {
			t.Fatalf("LUN 0 is %v, LUN 3 is %v", d.Disks(t, 0), d.Disks(t, 3))
		}
		guest.Run(t, "modprobe", "-r", "scsi_debug")
		d = guest.ScsiDebug(t, 2, 4)
	}
	names := ""
	for lun, name := range []string{"mpatha", "mpathb", "mpathc", "mpathd"} {
		names += name + " " + guest.UdevWWID(t, d.Disks(t, lun)[0]) + "\n"
	}
	guest.Bindings(t, names)
	conf := guest.Conf{NoPathRetry: "fail", FriendlyNames: true}
	guest.StartMultipathd(t, conf).Stop(t)
	guest.WaitFor(t, "nobody uses the maps, and they go", 20*time.Second, func() error {
		_, err := guest.Try("multipath", "-F") // udev may have one open for a moment
		return err
	})
	for lun := range 4 {
		guest.Run(t, "multipath", "/dev/"+d.Disks(t, lun)[0])
	}
	guest.StartMultipathd(t, conf)
	return d, guest.WaitMaps(t, 4, 2)
}

// The operator's rule by name, where no target says anything: every LU of the
// host's targets vanishes, so that nobody is left to list the rest.
func TestRunbookRule(t *testing.T) {
	d, _, maps := runbook(t, "queue")
	d.VanishLUNs(t, 0)
	for _, m := range maps {
		guest.WaitFailed(t, m)
	}
	plan(t, newSweeper(t, remediate.WithMaxDead(1)))

	s := newSweeper(t, remediate.WithRunbook())
	if _, err := makePlan(t, s); err == nil {
		t.Fatal("four of four maps look dead, and the circuit breaker is not tripped")
	}
	s = newSweeper(t, remediate.WithRunbook(), remediate.WithMaxDead(1))
	var all []string
	for _, m := range maps {
		all = append(all, m.WWID)
	}
	execute(t, s, plan(t, s, all...), remediate.Removed)
	if left := guest.DmsetupLs(t); len(left) != 0 {
		t.Fatalf("dmsetup ls still shows %v", left)
	}
}

// A queueing map without paths, on which a foreign dd and a worker of udev's
// are stuck: nothing waits with them, both are named, and both are freed.
func TestRunbookQueueing(t *testing.T) {
	d, daemon, maps := runbook(t, "queue")
	lost := maps[3]
	disks := d.Disks(t, 3)
	worker := guest.StuckUdev(t, daemon, lost, func() { d.VanishLUNs(t, 3) })
	guest.WaitFailed(t, lost)
	dd := guest.StuckReader(t, lost.Dev())

	s := newSweeper(t)
	begun := time.Now()
	dev := verdict(t, survey(t, s), lost.WWID, remediate.Stale)
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("the survey took %s", took)
	}
	var named []int
	for _, u := range dev.Blocked {
		named = append(named, u.PID)
	}
	if !contains(named, dd.PID) || !contains(named, worker.PID) {
		t.Errorf("stuck are %d (dd) and %d (%s); named are %v", dd.PID, worker.PID, worker.Comm, dev.Blocked)
	}
	p := plan(t, s, lost.WWID)
	execute(t, s, p, remediate.Removed)
	dd.Wait(t, 5*time.Second)
	expectGone(t, lost, disks...)
	expectNotStuck(t)
	if blocked := guest.Blocked(); len(blocked) > 0 {
		t.Errorf("still blocked: %v", blocked)
	}
	for _, m := range maps[:3] {
		expectThere(t, m, 2)
		if !guest.Queueing(t, m.Name) {
			t.Errorf("%s does not queue any more", m.Name)
		}
	}
}

func contains(list []int, n int) bool {
	for _, x := range list {
		if x == n {
			return true
		}
	}
	return false
}
