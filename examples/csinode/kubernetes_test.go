package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/mount-utils"
	"k8s.io/utils/exec"
	testingexec "k8s.io/utils/exec/testing"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// scripted answers every program that is started, in order, and notes them.
func scripted(asked *[]string, answers ...testingexec.FakeAction) *testingexec.FakeExec {
	fake := &testingexec.FakeExec{}
	for _, a := range answers {
		fake.CommandScript = append(fake.CommandScript, func(cmd string, args ...string) exec.Cmd {
			*asked = append(*asked, strings.Join(append([]string{cmd}, args...), " "))
			c := &testingexec.FakeCmd{RunScript: []testingexec.FakeAction{a}, CombinedOutputScript: []testingexec.FakeAction{a}}
			return testingexec.InitFakeCmd(c, cmd, args...)
		})
	}
	return fake
}

func says(stdout string, err error) testingexec.FakeAction {
	return func() ([]byte, []byte, error) { return []byte(stdout), nil, err }
}

// The library's own client for multipath's programs works over it.
func TestCommandsOfDaemon(t *testing.T) {
	const topology = "mpathb (360014055e7c14d0b8aa4f6e92d3b7c05) dm-12 LIO-ORG,vol-pg-7\n" +
		"size=10G features='0' hwhandler='1 alua' wp=rw\n" +
		"`-+- policy='service-time 0' prio=0 status=enabled\n" +
		"  |- 39:0:0:1 sdi 8:128 failed faulty running\n" +
		"  `- 40:0:0:1 sdj 8:144 failed faulty running\n"
	var asked []string
	fake := scripted(&asked, says(topology, nil))
	top, err := multipath.NewCommand(commands(fake)).Topology(t.Context())
	if err != nil || len(top.Maps) != 1 || top.Maps[0].Name != "mpathb" {
		t.Fatalf("%+v, %v after %q", top, err, asked)
	}
	if len(asked) != 1 || asked[0] != "multipathd show topology" {
		t.Errorf("started were %q", asked)
	}
}

// How programs end, by real ones.
func TestCommands(t *testing.T) {
	run := commands(exec.New())
	r, err := run(t.Context(), "printf", "%s", "word")
	if err != nil || string(r.Stdout) != "word" || r.Code != 0 {
		t.Errorf("printf: %+v, %v", r, err)
	}
	if r, err = run(t.Context(), "false"); err != nil || r.Code != 1 {
		t.Errorf("false: %+v, %v", r, err)
	}
	if _, err = run(t.Context(), "no-such-program"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err = run(ctx, "sleep", "60"); err == nil {
		t.Error("sleep 60 came to an end in time")
	}
}

// Who waits for a call that never returns is let go with his context.
func TestBounded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	forever := make(chan struct{})
	defer close(forever)
	if _, err := bounded(ctx, func() (int, error) { <-forever; return 0, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A reads is a device whose read ends in one way.
type reads blockprobe.Outcome

func (r reads) Probe(context.Context, blockprobe.Target) blockprobe.Result {
	return blockprobe.Result{Outcome: blockprobe.Outcome(r)}
}

// table writes a mount table.
func table(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mountinfo")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

const rootMount = "22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"

func line(n int, path, device string) string {
	return fmt.Sprintf("%d 22 %s / %s rw,relatime - ext4 /dev/mapper/mpatha rw\n", n, device, path)
}

func TestMountUtilsSource(t *testing.T) {
	m := mountUtils{table: table(t, rootMount, line(36, `/a\040b`, "254:3"), line(37, `/a\040b`, "254:4"))}
	for path, want := range map[string]string{"/a b": "/dev/block/254:4", "/a": ""} {
		if got, err := m.Source(path); err != nil || got != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	m.table += ".away"
	if _, err := m.Source("/a"); err == nil {
		t.Error("no table is a table without mounts")
	}
}

// A new volume gets a file system; what cannot be read does not, whatever blkid
// would say of it.
func TestMountUtilsMount(t *testing.T) {
	for _, tt := range []struct {
		name    string
		read    blockprobe.Outcome
		blkid   testingexec.FakeAction
		asked   []string
		mounted bool
	}{
		{"empty", blockprobe.Readable, says("", &testingexec.FakeExitError{Status: 2}), []string{"blkid", "mkfs.ext4"}, true},
		{"formatted", blockprobe.Readable, says("TYPE=ext4\n", nil), []string{"blkid", "fsck"}, true},
		{"unreadable", blockprobe.Unreadable, nil, nil, false},
		{"hung", blockprobe.Hung, nil, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var asked []string
			fake := scripted(&asked, tt.blkid, says("", nil))
			mounter := mount.NewFakeMounter(nil)
			m := mountUtils{mounter: mount.NewSafeFormatAndMount(mounter, fake), reader: reads(tt.read), table: table(t, rootMount)}
			err := m.Mount(t.Context(), "/dev/mapper/mpatha", t.TempDir(), "ext4", nil)
			if (err == nil) != tt.mounted || (len(mounter.GetLog()) > 0) != tt.mounted {
				t.Errorf("mounted: %v, %v", mounter.GetLog(), err)
			}
			if len(asked) != len(tt.asked) {
				t.Fatalf("started were %q", asked)
			}
			for i, want := range tt.asked {
				if !strings.HasPrefix(asked[i], want) {
					t.Errorf("started were %q, want %q", asked, tt.asked)
				}
			}
		})
	}
}

// Bind and Unmount ask for nothing that is done already.
func TestMountUtilsTwice(t *testing.T) {
	mounter := mount.NewFakeMounter(nil)
	dir := t.TempDir()
	m := mountUtils{mounter: mount.NewSafeFormatAndMount(mounter, exec.New()), table: table(t, rootMount)}
	if err := m.Unmount(t.Context(), dir); err != nil || len(mounter.GetLog()) > 0 {
		t.Errorf("unmount of nothing: %v, %v", err, mounter.GetLog())
	}
	if err := m.Bind(t.Context(), "/staging", dir, true); err != nil || len(mounter.MountPoints) != 1 || strings.Join(mounter.MountPoints[0].Opts, ",") != "bind,ro" {
		t.Errorf("bind: %v, %v", err, mounter.MountPoints)
	}
	mounter.ResetLog()
	m.table = table(t, rootMount, line(36, dir, "254:3"))
	if err := m.Bind(t.Context(), "/staging", dir, true); err != nil || len(mounter.GetLog()) > 0 {
		t.Errorf("bind once more: %v, %v", err, mounter.GetLog())
	}
}

// A node on a simulated host speaks to multipathd by those programs.
func TestKubernetesSystem(t *testing.T) {
	h := remediatetest.New(t)
	var asked []string
	system, m := kubernetes(h.System(), scripted(&asked, says("ok\n", nil)), mount.NewFakeMounter(nil))
	if _, err := system.Daemon.Topology(t.Context()); err != nil {
		t.Error(err)
	}
	if got := system.Daemon.Backend(); got != "command" || len(asked) != 1 {
		t.Errorf("by %s, which started %q", got, asked)
	}
	if _, err := m.Source("/"); err != nil {
		t.Errorf("this process's own mounts: %v", err)
	}
}
