//go:build lab && linux

package scenario

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A node comes back from the dead: its volume has moved on, but it is still
// mounted here, with data that is not on disk. Nothing is done, and who uses it
// is named, until the operator has unmounted it; then a rerun clears it, and a
// new volume at the same LUN never sees the dead one's data.
func TestStaleMounted(t *testing.T) { testStaleMounted(t, "fail") }

// A node comes back from the dead, and its map queues: the data waits, and must be given up first.
func TestStaleMountedQueueing(t *testing.T) { testStaleMounted(t, "queue") }

func testStaleMounted(t *testing.T, retry string) {
	// What multipath knows of LIO by itself, 12 retries, outranks the defaults.
	g, lus := array(t, 2, guest.Conf{FriendlyNames: true, Extra: []string{"overrides {\nno_path_retry " + retry + "\n}"}})
	kept, m := guest.MapOf(t, g.Disks(t, 0)[0]), guest.MapOf(t, g.Disks(t, 1)[0])
	pattern := guest.WritePattern(t, kept.Dev(), 8)
	guest.Mkfs(t, "ext4", m.Dev())
	dir := guest.Mount(t, m.Dev())
	app := guest.Start(t, "app.log", "sh", "-c", "exec sleep 1000 >"+dir+"/open")
	guest.Run(t, "sync", "-f", dir)
	guest.Write(t, "/proc/sys/vm/dirty_writeback_centisecs", "0")
	unwritten := bytes.Repeat([]byte("of the dead volume "), 100_000)
	if err := os.WriteFile(dir+"/unwritten", unwritten, 0o600); err != nil {
		t.Fatal(err)
	}
	g.Unmap(t, 1)
	guest.WaitFailed(t, m)

	var s *remediate.Sweeper
	for _, rule := range [][]remediate.Option{nil, {remediate.WithRunbook()}} {
		s = newSweeper(t, append(rule, remediate.WithObserver(never(t)))...)
		d := verdict(t, plan(t, s).Survey, lus[1].WWID(), remediate.StaleInUse)
		if !slices.ContainsFunc(d.InUse, func(u remediate.Use) bool {
			return u.Kind == remediate.UseMount && u.By == dir && u.PID > 0
		}) {
			t.Errorf("the mount on %s and a process that sees it are not named: %v", dir, d.InUse)
		}
	}
	r := swept(t, "apply", "-yes", "-own", "all", "-dwell", "1s", "-detached", lus[1].WWID(), "-max-dead", "100%")
	if r.Code != 3 || !strings.Contains(r.Stdout, dir) {
		t.Errorf("sweep apply: exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	if mounts := guest.Findmnt(t); !strings.Contains(mounts, dir+" "+m.Dev()) {
		t.Errorf("it is not mounted any more:\n%s", mounts)
	}
	if app.ProcessState != nil || guest.Process(app.Process.Pid).State == "" {
		t.Error("its user was killed")
	}
	if got := guest.Queueing(t, m.Name); got != (retry == "queue") {
		t.Errorf("%s queues: %v", m.Name, got)
	}

	operatorUnmounts(t, m, dir, app.Process)
	s = newSweeper(t)
	execute(t, s, plan(t, s, lus[1].WWID()), remediate.Removed)
	expectGone(t, m, m.Paths...)
	expectNeverReached(t, g, guest.NewBackstore(t, "fresh", 16, "cd99"))
	expectThere(t, kept, 2)
	pattern.Check(t)
}

// operatorUnmounts gives up what the dead volume has not been told: whoever uses
// it is ended, its map told not to queue, and it is unmounted.
func operatorUnmounts(t *testing.T, m guest.Map, dir string, app *os.Process) {
	t.Helper()
	if guest.Queueing(t, m.Name) {
		guest.Run(t, "multipathd", "disablequeueing", "map", m.Name)
	}
	_ = app.Kill()
	guest.Run(t, "umount", "--lazy", dir)
	guest.WaitFor(t, m.Name+" is closed", 30*time.Second, func() error {
		if n := guest.OpenCount(t, m.Name); n != 0 {
			return fmt.Errorf("open count %d, %v", n, guest.Blocked())
		}
		return nil
	})
}

// expectNeverReached maps a new, empty volume at LUN 1 and looks at it from the
// array's side, after everything that is to be written has been.
func expectNeverReached(t *testing.T, g *guest.Target, fresh guest.Backstore) {
	t.Helper()
	g.Map(t, 1, fresh)
	g.Rescan(t)
	guest.WaitMaps(t, 2, 2)
	guest.Write(t, "/proc/sys/vm/dirty_writeback_centisecs", "100")
	guest.Run(t, "sync")
	time.Sleep(3 * time.Second)
	if at := bytes.IndexFunc(fresh.Content(t), func(r rune) bool { return r != 0 }); at >= 0 {
		t.Errorf("something was written to the new volume, at byte %d", at)
	}
	verdict(t, survey(t, newSweeper(t)), fresh.WWID(), remediate.Healthy)
}
