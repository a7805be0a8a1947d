//go:build lab && linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A command that somebody sent through the generic device of a path, and that
// the LU took with it into its grave, keeps the kernel in the path's delete: the
// call is back in time and says what is stuck and on what, others do not start a
// second delete, and once the command has timed out, a rerun finishes.
func TestSlowDelete(t *testing.T) {
	d, _, maps := runbook(t, "fail")
	lost, disks := maps[3], d.Disks(t, 3)
	swallowed(t, d, 60*time.Second, disks[0])
	d.VanishLUNs(t, 3)
	guest.WaitFailed(t, lost)

	s := newSweeper(t)
	p := plan(t, s, lost.WWID)
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
	defer cancel()
	begun := time.Now()
	r, err := carryOut(ctx, t, s, p)
	if took := time.Since(begun); err != nil || took > 13*time.Second {
		t.Fatalf("it took %s of 12 s, %v", took, err)
	}
	x := r.Results[0]
	var timeout *remediate.TimeoutError
	if x.Outcome != remediate.Stuck || !errors.As(x.Err, &timeout) || !timeout.Stuck || !strings.Contains(x.Reason, "delete of "+disks[0]) {
		t.Fatalf("the delete was to be stuck: %s: %s", x.Outcome, x.Reason)
	}
	if !strings.Contains(x.Reason, "it sleeps in ") {
		t.Errorf("it is not told on what it waits: %s", x.Reason)
	}
	expectOneDelete(t, "after the first call")
	for _, s := range []*remediate.Sweeper{s, newSweeper(t, remediate.WithBackend("dm"))} {
		for _, x := range execute(t, s, p, remediate.Stuck).Results {
			t.Logf("once more: %s", x.Reason)
		}
		if v := verify(t, s, p.Targets...)[0]; v.Gone || !strings.Contains(strings.Join(v.Remains, "; "), "disk "+disks[0]) {
			t.Errorf("verify: gone %v, remains %v", v.Gone, v.Remains)
		}
	}
	expectOneDelete(t, "after more calls")

	guest.WaitFor(t, "the delete ends", 100*time.Second, func() error {
		if list := deletes(); len(list) > 0 || slices.Contains(guest.Ls("/sys/block"), disks[0]) {
			return fmt.Errorf("%v, %v", list, guest.Ls("/sys/block"))
		}
		return nil
	})
	execute(t, s, p, remediate.Removed)
	expectGone(t, lost, disks...)
	for _, m := range maps[:3] {
		expectThere(t, m, 2)
	}
	expectNotStuck(t)
}

// swallowed has a read sent to each of the disks, through its generic device, that is
// never answered: the kernel waits for it for as long as its sender said, who is
// killed, so that nobody has the disk open.
func swallowed(t *testing.T, d *guest.Debug, timeout time.Duration, disks ...string) {
	t.Helper()
	d.Set(t, "opts", "4") // every command that every_nth hits is dropped
	d.Set(t, "every_nth", "1")
	var senders []*background
	for _, disk := range disks {
		senders = append(senders, inBackground(t, "sg_raw", fmt.Sprintf("--timeout=%.0f", timeout.Seconds()), "-r", "512",
			"/dev/"+guest.Ls("/sys/block/" + disk + "/device/scsi_generic")[0], "28", "0", "0", "0", "0", "0", "0", "0", "1", "0"))
	}
	guest.WaitFor(t, "a command is under way on each", 10*time.Second, func() error {
		for _, disk := range disks {
			device := "/sys/block/" + disk + "/device/"
			if sent := guest.Read(t, device+"iorequest_cnt"); sent == guest.Read(t, device+"iodone_cnt") {
				return fmt.Errorf("%s: all are done: %s", disk, sent)
			}
		}
		return nil
	})
	d.Set(t, "every_nth", "0")
	d.Set(t, "opts", "0")
	for _, s := range senders {
		guest.Kill(t, s.cmd.Process.Pid)
	}
}

// deletes lists where threads of this process are in the kernel's delete of a
// SCSI device.
func deletes() []string {
	var out []string
	for _, task := range guest.Ls("/proc/self/task") {
		pid, _ := strconv.Atoi(task)
		if p := guest.Process(pid); strings.Contains(p.Stack, "dev_attr_store") {
			out = append(out, p.Stack)
		}
	}
	return out
}

func expectOneDelete(t *testing.T, when string) {
	t.Helper()
	if list := deletes(); len(list) != 1 {
		t.Errorf("%s, %d threads of this process delete: %v", when, len(list), list)
	}
}
