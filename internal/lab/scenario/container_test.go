//go:build lab && linux

package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// The whole sweep from within a container that has none of the host's programs.
// multipathd before 0.12 listens in the host's network namespace alone: there
// device-mapper is spoken to in its place.
func TestContainerSweep(t *testing.T) { sweepInside(t, guest.Privileged()) }

// The same in the host's network namespace, where every multipathd listens.
func TestContainerHostNetwork(t *testing.T) {
	c := guest.Privileged()
	c.HostNetwork = true
	sweepInside(t, c)
}

// The same with the least rights.
func TestContainerLeast(t *testing.T) { sweepInside(t, guest.Least()) }

// sweepInside clears the mixed host, each command in a container of its own, as
// docker run --rm makes them.
func sweepInside(t *testing.T, c guest.Container) {
	m := newMixed(t)
	m.lose(t)
	c.Work = hostNamed(t, "worker-3")
	inside := func(want int, words string, args ...string) string {
		t.Helper()
		r := sweptIn(t, c, args...)
		t.Logf("sweep %v: exit status %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
		if r.Code != want || !strings.Contains(r.Stdout, words) {
			t.Fatalf("sweep %v: exit status %d, want %d and %q", args, r.Code, want, words)
		}
		return r.Stdout
	}
	if got, want := backendOf(t, inside(3, "", "scan", "-json")), backendInside(c); got != want {
		t.Errorf("multipathd is spoken to by %q, want %q", got, want)
	}
	inside(3, "2 residual (2 removable)", "scan", "-own", "all")
	inside(3, "for host worker-3", "plan", "-own", "all", "-dwell", "1s", "-o", "/handed/plan.json")
	inside(0, "Nothing residual is left", "apply", "-plan", "/handed/plan.json")
	inside(0, "all 2 gone", "verify", "-plan", "/handed/plan.json")
	inside(0, "nothing residual", "scan")
	m.expectCleared(t)
}

// hostNamed names the host, and returns a folder for what commands hand on.
func hostNamed(t *testing.T, name string) (work string) {
	t.Helper()
	if err := os.WriteFile("/etc/hostname", []byte(name+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return t.TempDir()
}

// backendInside is how a container can speak to this guest's multipathd.
func backendInside(c guest.Container) string {
	if _, err := os.Stat("/run/multipathd.socket"); err == nil || c.HostNetwork {
		return "socket"
	}
	return "dm"
}

func backendOf(t *testing.T, survey string) string {
	t.Helper()
	var doc struct{ Backend string }
	if err := json.Unmarshal([]byte(survey), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Backend
}

// What a container lacks is told, and nothing is done: not before it is known
// that all of it can be done.
func TestContainerMissing(t *testing.T) {
	m := newMixed(t)
	m.lose(t)
	guest.Start(t, "stranger.log", "setpriv", "--reuid=1000", "--clear-groups", "sleep", "1000")
	before := guest.DmsetupLs(t)
	without := func(all []string, x string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == x })
	}
	mounts := func(missing string) guest.Container {
		c := guest.Privileged()
		c.Mounts = without(c.Mounts, missing)
		return c
	}
	readOnly := func(what string) guest.Container { c := guest.Privileged(); c.ReadOnly = []string{what}; return c }
	caps := func(missing string) guest.Container { c := guest.Least(); c.Caps = without(c.Caps, missing); return c }
	devices := func(allowed ...string) guest.Container { c := guest.Least(); c.Devices = allowed; return c }
	ownProc := mounts("/proc")
	ownProc.OwnProc, ownProc.HostPID = true, false
	for _, x := range []struct {
		name string
		c    guest.Container
		code int
		says string
	}{
		{"no /sys", mounts("/sys"), 1, "/host/sys: no such file"},
		{"no /dev", mounts("/dev"), 1, "/host/dev/sd"},
		{"no /proc", mounts("/proc"), 1, "/host/proc"},
		{"no /run", mounts("/run"), 3, "open /host/run: no such file"},
		{"own /proc", ownProc, 3, "/proc shows this container's only"},
		{"/sys read-only", readOnly("/sys"), 1, "read-only file system"},
		{"/run read-only", readOnly("/run"), 3, "read-only file system"},
		{"no CAP_SYS_ADMIN", caps("SYS_ADMIN"), 1, "dm list devices"},
		{"no CAP_SYS_PTRACE", caps("SYS_PTRACE"), 1, "open files of"},
		{"no CAP_DAC_READ_SEARCH", caps("DAC_READ_SEARCH"), 1, "open files of 1 process"},
		{"no block device", devices("c 10:236 rw"), 1, "what answers on 8 disks"},
		{"no /dev/mapper/control", devices("b *:* r"), 1, "dm open /host/dev/mapper/control"},
	} {
		r := sweptIn(t, x.c, "apply", "-yes", "-own", "all", "-dwell", "0", "-max-dead", "100%")
		t.Logf("=== %s: exit status %d\n%s%s", x.name, r.Code, r.Stdout, r.Stderr)
		if r.Code != x.code || !strings.Contains(r.Stdout+r.Stderr, x.says) {
			t.Errorf("%s: exit status %d, want %d and %q", x.name, r.Code, x.code, x.says)
		}
		if after := guest.DmsetupLs(t); !slices.Equal(before, after) {
			t.Fatalf("%s: maps before %v, after %v", x.name, before, after)
		}
	}
	if !guest.Queueing(t, m.maps[lostQueueing].Name) {
		t.Error("the map does not queue any more")
	}
	m.expectWell(t)
	sweepAgain(t, m)
}

// sweepAgain clears the host after all.
func sweepAgain(t *testing.T, m *mixed) {
	t.Helper()
	if r := sweptIn(t, guest.Least(), "apply", "-yes", "-own", "all", "-dwell", "0"); r.Code != 0 {
		t.Fatalf("exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	m.expectCleared(t)
}

// From within, with the least rights, every user of a lost LU is seen.
func TestContainerUsers(t *testing.T) {
	const elsewhere, pinned, opened, idle = 1, 2, 3, 4
	d := guest.ScsiDebug(t, 2, 5)
	guest.StartMultipathd(t, guest.Conf{FriendlyNames: true})
	guest.WaitMaps(t, 5, 2)
	var maps []guest.Map
	for lun := range 5 {
		maps = append(maps, d.Map(t, lun))
	}
	inhabitant := guest.MountElsewhere(t, ext4(t, maps[elsewhere].Dev()))
	_, file := guest.MountPinned(t, ext4(t, maps[pinned].Dev()))
	guest.Hold(t, maps[opened].Dev(), true)
	disks := d.Disks(t, idle)
	d.VanishLUNs(t, 1)
	for _, m := range maps[1:] {
		guest.WaitFailed(t, m)
	}
	blindly := guest.Least()
	blindly.Caps = slices.DeleteFunc(blindly.Caps, func(c string) bool { return c == "SYS_CHROOT" })
	if got := usersInside(t, blindly, "scan")[maps[pinned].WWID]; len(got) == 0 {
		t.Error("without CAP_SYS_CHROOT, a mount in a namespace without a process is no use")
	}
	users := usersInside(t, guest.Least(), "apply", "-yes", "-dwell", "1s", "-max-dead", "100%")
	for lun, want := range map[int]string{elsewhere: strconv.Itoa(inhabitant), pinned: file, opened: fmt.Sprintf("(pid %d)", os.Getpid())} {
		if got := fmt.Sprint(users[maps[lun].WWID]); !strings.Contains(got, want) {
			t.Errorf("the users of LUN %d are %s, want %q among them", lun, got, want)
		}
	}
	expectGone(t, maps[idle], disks...)
	expectThere(t, maps[0], 2)
	if left := guest.DmsetupLs(t); len(left) != 4 {
		t.Errorf("left are %v", left)
	}
}

// usersInside is who uses what, by WWID, as a command in a container tells.
func usersInside(t *testing.T, c guest.Container, args ...string) map[string][]remediate.Use {
	t.Helper()
	r := sweptIn(t, c, append(args, "-own", "all", "-json")...)
	t.Logf("exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	var doc struct {
		Devices []struct {
			WWID  string
			InUse []remediate.Use `json:"in_use"`
		}
	}
	if err := json.Unmarshal([]byte(r.Stdout), &doc); err != nil || r.Code != 3 {
		t.Fatalf("exit status %d, %v", r.Code, err)
	}
	users := map[string][]remediate.Use{}
	for _, d := range doc.Devices {
		users[d.WWID] = d.InUse
	}
	return users
}
