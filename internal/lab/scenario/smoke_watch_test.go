//go:build lab && linux

package scenario

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// What this process does is told, whichever of its threads does it, and who is started
// by it, but not what the scenario does aside, nor what other programs do; and in a
// container the sweep command is seen as on the host.
func TestSmokeWatch(t *testing.T) {
	d := guest.ScsiDebug(t, 1, 1)
	disk := d.Disks(t, 0)[0]
	state := "/sys/block/" + disk + "/device/state"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	stranger := guest.Start(t, "stranger.log", "sleep", "1000")
	trace := guest.TracedSelf(t)
	node, err := os.OpenFile("/dev/"+disk, os.O_RDWR, 0)
	must(err)
	done := make(chan error)
	go func() { done <- guest.TryWrite(state, "offline\n") }()
	must(<-done)
	must(guest.TryWrite(state, "running\n"))
	must(os.Mkdir("/run/made", 0o700))
	must(os.Rename("/run/made", "/run/renamed"))
	must(os.Remove("/run/renamed"))
	must(exec.Command("/bin/sh", "-c", "echo offline >"+state).Run())
	must(unix.IoctlSetInt(int(node.Fd()), unix.BLKFLSBUF, 0))
	must(node.Close())
	_, err = net.Dial("unix", "/run/nobody")
	if err == nil {
		t.Fatal("somebody listens at /run/nobody")
	}
	must(syscall.Kill(stranger.Process.Pid, syscall.SIGSTOP))
	must(stranger.Process.Kill())
	guest.Aside(func() {
		guest.Write(t, state, "running\n")
		guest.Run(t, "dmsetup", "ls")
	})
	must(os.WriteFile("/tmp/own", []byte("of its own"), 0o600))

	var got []string
	for _, deed := range trace().Deeds {
		got = append(got, deed.What+" "+deed.On)
	}
	real := func(link string) string { return guest.Run(t, "readlink", "-f", link) }
	want := []string{ // os.Remove tries one call and then another
		"open /dev/" + disk, "write " + real(state), "write " + real(state), "mkdirat /run/made", "renameat /run/made", "unlinkat /run/renamed", "exec /bin/sh",
		"ioctl /dev/" + disk, "connect /run/nobody", "kill ", "kill ",
	}
	got = slices.CompactFunc(got, func(a, b string) bool { return a == b && strings.HasPrefix(a, "unlinkat ") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was seen (-want +got):\n%s", diff)
	}

	for what, sweep := range map[string]func() (guest.Result, guest.Trace){
		"on the host": func() (guest.Result, guest.Trace) { return guest.SweepTraced(t, limit, "scan") },
		"in a container": func() (guest.Result, guest.Trace) {
			return guest.Least().SweepTraced(t, limit, "scan", "-root", "/host")
		},
	} {
		r, tr := sweep()
		if tr.Calls == 0 || len(tr.Deeds) > 0 {
			t.Errorf("%s: %d calls, %v, exit status %d", what, tr.Calls, tr.Deeds, r.Code)
		}
	}
}
