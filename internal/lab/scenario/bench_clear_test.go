//go:build lab && linux

package scenario

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/multipath"
)

// The same 60 residual maps of two paths are cleared by the sweep command, by
// the manual runbook as a shell loop, by the kernel's own calls and nothing else,
// by those with multipathd for the flushes, and by rescan-scsi-bus.sh.
func TestBenchClear(t *testing.T) {
	const lost = 60
	b := newBench(t, 4, 4+lost, guest.Conf{})
	sweep := b.clearedBy(t, sweepAll)
	b.expectNothingLeft(t, "sweep", sweep.lost)
	b.regain(t)
	kernel := b.clearedBy(t, byTheKernel)
	b.expectNothingLeft(t, "the kernel", kernel.lost)
	b.regain(t)
	daemon := b.clearedBy(t, byMultipathd)
	b.expectNothingLeft(t, "multipathd", daemon.lost)
	b.regain(t)
	runbook := b.clearedBy(t, manualRunbook)
	leftByHand := b.left(t, runbook.lost)
	b.regain(t)
	script := b.clearedBy(t, rescanScript)
	leftByScript := b.left(t, script.lost)

	const what = "60 residual maps of two paths, cleared by `sweep apply -yes -own all -dwell 0`, its looks before and after included"
	rows := ratios(t)
	rows.Row(what, "the kernel's floor: device-mapper removals and SCSI deletes alone, eight at once", ratio(sweep.time, kernel.time), "sweep left nothing")
	rows.Row(what, "the floor through multipathd: its `del map`, which it carries out one after the other, and SCSI deletes alone", ratio(sweep.time, daemon.time), "")
	rows.Row(what, "the runbook as a shell loop: `dd`, `multipath -f`, deletes, `multipath -ll` before and after", ratio(sweep.time, runbook.time), "the runbook left "+leftByHand)
	rows.Row(what, "`rescan-scsi-bus.sh -r -m` (sg3-utils)", ratio(sweep.time, script.time), "the script left "+leftByScript)
	t.Logf("sweep %s, floor %s, through multipathd %s, runbook %s, script %s", sweep.time, kernel.time, daemon.time, runbook.time, script.time)
}

// A clearing is one contender's run.
type clearing struct {
	time time.Duration
	lost []guest.Map
}

func (b *bench) clearedBy(t *testing.T, by func(*testing.T, []guest.Map)) clearing {
	t.Helper()
	lost := b.lose(t)
	return clearing{time: timed(func() { by(t, lost) }), lost: lost}
}

func sweepAll(t *testing.T, _ []guest.Map) {
	r := guest.Sweep(t, 5*time.Minute, "apply", "-yes", "-own", "all", "-dwell", "0", "-max-dead", "100%")
	if r.Code != 0 {
		t.Errorf("sweep: exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// byTheKernel is what nobody can do in less: an ioctl for each map, a write for
// each disk, and a look whether they are gone.
func byTheKernel(t *testing.T, maps []guest.Map) {
	dm, err := multipath.OpenDeviceMapper("/dev/mapper/control")
	if err != nil {
		t.Fatal(err)
	}
	defer dm.Close()
	eightAtOnce(t, maps, func(m guest.Map) error { return dm.Remove(context.Background(), "mpath-"+m.WWID) })
}

// byMultipathd is what nobody can do in less who leaves the maps to multipathd.
func byMultipathd(t *testing.T, maps []guest.Map) {
	socket := multipath.NewSocket("/")
	eightAtOnce(t, maps, func(m guest.Map) error { return socket.Flush(context.Background(), m.Name) })
}

func eightAtOnce(t *testing.T, maps []guest.Map, flush func(guest.Map) error) {
	t.Helper()
	slots := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for _, m := range maps {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := clears(m, flush); err != nil {
				t.Errorf("%s: %v", m.Name, err)
			}
		})
	}
	wg.Wait()
}

func clears(m guest.Map, flush func(guest.Map) error) error {
	for begun := time.Now(); ; { // udev may have it open for a moment
		err := flush(m)
		if err == nil {
			break
		}
		if time.Since(begun) > 20*time.Second {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	for _, d := range m.Paths {
		if err := guest.TryWrite("/sys/block/"+d+"/device/delete", "1"); err != nil {
			return err
		}
		if _, err := os.Stat("/sys/block/" + d); err == nil {
			return fmt.Errorf("%s is still there", d)
		}
	}
	return nil
}

// manualRunbook is what an operator types, without the time for reading: the
// topology, then for each dead map a direct read, the flush and the deletes,
// each only after the one before, and the topology again.
func manualRunbook(t *testing.T, maps []guest.Map) {
	var script strings.Builder
	script.WriteString("multipath -ll >/tmp/before\n")
	for _, m := range maps {
		fmt.Fprintf(&script, "dd if=%s of=/dev/null bs=1M count=1 iflag=direct && exit 1\n", m.Dev())
		fmt.Fprintf(&script, "n=0; until multipath -f %s; do n=$((n+1)); [ $n -lt 20 ] || exit 1; sleep 0.5; done\n", m.Name)
		for _, d := range m.Paths {
			fmt.Fprintf(&script, "echo 1 >/sys/block/%s/device/delete || exit 1\n", d)
		}
	}
	script.WriteString("multipath -ll >/tmp/after; ls /sys/block /dev/disk/by-id >/tmp/ls\n")
	if _, err := guest.TryFor(5*time.Minute, "sh", "-c", script.String()); err != nil {
		t.Errorf("the runbook: %v", err)
	}
}

// rescanScript is what sg3-utils offers for it.
func rescanScript(t *testing.T, _ []guest.Map) {
	if _, err := guest.TryFor(15*time.Minute, "rescan-scsi-bus.sh", "-r", "-m"); err != nil {
		t.Logf("rescan-scsi-bus.sh: %v", err)
	}
}
