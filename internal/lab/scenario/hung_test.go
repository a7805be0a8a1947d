//go:build lab && linux

package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// hang has scsi_debug drop every command from now on, until release: the kernel
// waits for each as long as its sender said, half a minute and more.
func hang(t *testing.T, d *guest.Debug) (release func()) {
	t.Helper()
	d.Set(t, "opts", "4")
	d.Set(t, "every_nth", "1")
	release = func() {
		d.Set(t, "every_nth", "0")
		d.Set(t, "opts", "0")
	}
	t.Cleanup(release)
	return release
}

// 32 disks of which no command comes back: a survey takes one time-out of a probe
// and not 32, says of none that it is dead, lists what is stuck, and on what; the
// next one starts nothing twice. A call whose time is up is back a second later at
// most. When the disks answer again, all are looked at as before.
func TestHungDevices(t *testing.T) {
	const luns, timeout = 16, 5 * time.Second // of two paths each, without multipath
	guest.Modprobe(t, "dm-multipath")         // or there is no device-mapper to ask
	d := guest.ScsiDebug(t, 2, luns, "delay=0")
	s := newSweeper(t, remediate.WithMaxDead(1), remediate.WithBackend("dm"), remediate.WithProbeTimeout(timeout))
	begun := time.Now()
	well := survey(t, s)
	usual := time.Since(begun)

	release := hang(t, d)
	expectHung(t, "the first survey", s, 2*usual+timeout+time.Second)
	stuck := s.Stuck()
	if len(stuck) != 2*luns {
		t.Errorf("%d calls are stuck, not one for each disk: %+v", len(stuck), stuck)
	}
	for _, c := range stuck {
		if !strings.HasPrefix(c.What, "command to /dev/sd") || c.WChan == "" || c.Since.Before(begun) {
			t.Errorf("this does not say what is stuck, where and since when: %+v", c)
		}
	}
	expectHung(t, "the second survey", s, 2*usual+time.Second)
	if again := s.Stuck(); len(again) > len(stuck) {
		t.Errorf("after the second survey %d calls are stuck, not %d", len(again), len(stuck))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begun = time.Now()
	_, err := look(ctx, t, newSweeper(t, remediate.WithBackend("dm")))
	if took := time.Since(begun); took > 2*time.Second || err == nil {
		t.Errorf("a survey that had one second took %s: %v", took, err)
	}

	release()
	guest.WaitFor(t, "nothing is stuck", 3*time.Minute, func() error {
		if list := s.Stuck(); len(list) > 0 {
			return fmt.Errorf("%+v", list)
		}
		return nil
	})
	for _, x := range survey(t, s).Devices {
		if before, _ := well.Find(x.WWID); x.Verdict != before.Verdict {
			t.Errorf("%s is %s, and was %s before it hung", x.WWID, x.Verdict, before.Verdict)
		}
	}
}

// expectHung surveys, within limit, a host of which every disk hangs.
func expectHung(t *testing.T, which string, s *remediate.Sweeper, limit time.Duration) {
	t.Helper()
	begun := time.Now()
	sv := survey(t, s)
	took := time.Since(begun)
	t.Logf("%s took %s of %s", which, took, limit)
	if took > limit {
		t.Errorf("%s took %s, not %s", which, took, limit)
	}
	for _, x := range sv.Devices {
		if x.Removable || x.Verdict.Residual() {
			t.Errorf("%s is %s, although it only hangs", x.WWID, x.Verdict)
		}
	}
}

// A program of multipath's that hangs on the disks, and that no signal ends: a
// survey goes on without what it would have said, in time, and lists it as stuck;
// the next one does not start it a second time.
func TestProgramInDState(t *testing.T) {
	const limit = 20 * time.Second
	d := guest.ScsiDebug(t, 2, 4, "delay=0")
	daemon := guest.StartMultipathd(t, guest.Conf{})
	guest.WaitMaps(t, 4, 2)
	daemon.Stop(t) // so that multipath has to look itself
	s := newSweeper(t, remediate.WithBackend("command"), remediate.WithProbeTimeout(2*time.Second))
	release := hang(t, d)
	for _, which := range []string{"first", "second"} {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		begun := time.Now()
		sv, err := look(ctx, t, s)
		took := time.Since(begun)
		cancel()
		if err != nil || took > limit+time.Second {
			t.Fatalf("the %s survey took %s: %v", which, took, err)
		}
		t.Logf("the %s survey took %s: gaps %v", which, took, sv.Gaps)
		if len(sv.Gaps) != 1 || len(sv.Devices) != 4 {
			t.Errorf("the %s survey has the gaps %v and %d devices", which, sv.Gaps, len(sv.Devices))
		}
		for _, x := range sv.Devices {
			if x.Removable {
				t.Errorf("%s is removable", x.WWID)
			}
		}
		programs := guest.Processes(func(p guest.Proc) bool { return p.Comm == "multipath" })
		if len(programs) != 1 {
			t.Errorf("after the %s survey there are %v", which, programs)
		}
	}
	if !slices.ContainsFunc(s.Stuck(), func(c remediate.StuckCall) bool {
		return strings.Contains(c.What, "multipath -v2 -ll") && !c.Since.IsZero()
	}) {
		t.Errorf("what is stuck is not told: %+v", s.Stuck())
	}
	release()
	guest.WaitFor(t, "nothing is stuck", 3*time.Minute, func() error {
		if list := s.Stuck(); len(list) > 0 {
			return fmt.Errorf("%+v", list)
		}
		return nil
	})
	if n := len(survey(t, s).Devices); n != 4 {
		t.Errorf("%d devices", n)
	}
}
