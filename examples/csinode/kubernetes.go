package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"k8s.io/mount-utils"
	"k8s.io/utils/exec"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
)

// kubernetes puts a node on what drivers for Kubernetes have already: programs are
// run by k8s.io/utils/exec, multipathd's among them, and file systems are made and
// mounted by k8s.io/mount-utils.
func kubernetes(system remediate.System, programs exec.Interface, mounter mount.Interface) (remediate.System, mounts) {
	system.Daemon = multipath.NewCommand(commands(programs))
	return system, mountUtils{
		mounter: mount.NewSafeFormatAndMount(mounter, programs),
		reader:  system.Reader, table: "/proc/self/mountinfo",
	}
}

// commands is the library's Runner over an exec.Interface. A status other than 0
// is no error of it, and a program that is not there is fs.ErrNotExist. exec waits
// for a program that does not even end by a kill; who asked does not.
func commands(programs exec.Interface) multipath.Runner {
	return func(ctx context.Context, argv ...string) (multipath.RunResult, error) {
		cmd := programs.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.SetEnv(append(os.Environ(), "LC_ALL=C"))
		return bounded(ctx, func() (multipath.RunResult, error) {
			var stdout, stderr bytes.Buffer
			cmd.SetStdout(&stdout)
			cmd.SetStderr(&stderr)
			err := cmd.Run()
			r := multipath.RunResult{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
			var ended exec.ExitError
			switch {
			case errors.As(err, &ended) && ended.Exited():
				r.Code, err = ended.ExitStatus(), nil
			case errors.Is(err, exec.ErrExecutableNotFound):
				err = fmt.Errorf("%s: %w", argv[0], fs.ErrNotExist)
			}
			return r, err
		})
	}
}

// bounded comes back by the end of ctx, whatever fn waits for.
func bounded[T any](ctx context.Context, fn func() (T, error)) (T, error) {
	type end struct {
		value T
		err   error
	}
	ended := make(chan end, 1)
	go func() {
		value, err := fn()
		ended <- end{value, err}
	}()
	select {
	case e := <-ended:
		return e.value, e.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// mountUtils is the mount table by k8s.io/mount-utils.
type mountUtils struct {
	mounter *mount.SafeFormatAndMount
	reader  interface {
		Probe(context.Context, blockprobe.Target) blockprobe.Result
	}
	table string // of this process's mounts, as in /proc/self/mountinfo
}

// Source names the device by its number: what List returns is a name, which may be
// another device's by now.
func (m mountUtils) Source(path string) (string, error) {
	all, err := mount.ParseMountInfo(m.table)
	source := "" // the last mount on a path hides the others
	for _, x := range all {
		if unescape.Replace(x.MountPoint) == path {
			source = fmt.Sprintf("/dev/block/%d:%d", x.Major, x.Minor)
		}
	}
	return source, err
}

// Mount reads the device before FormatAndMount sees it: to blkid, a device that
// cannot be read looks like one that holds nothing, and gets a new file system.
func (m mountUtils) Mount(ctx context.Context, device, path, fstype string, options []string) error {
	read := m.reader.Probe(ctx, blockprobe.Target{Node: device, Usable: -1})
	if read.Outcome != blockprobe.Readable {
		return fmt.Errorf("%s is %s: %s", device, read.Outcome, read.Reason)
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return err
	}
	return m.do(ctx, func() error { return m.mounter.FormatAndMount(device, path, fstype, options) })
}

func (m mountUtils) Bind(ctx context.Context, from, path string, readonly bool) error {
	if source, err := m.Source(path); err != nil || source != "" {
		return err
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return err
	}
	how := []string{"bind"}
	if readonly {
		how = append(how, "ro")
	}
	return m.do(ctx, func() error { return m.mounter.Mount(from, path, "", how) })
}

func (m mountUtils) Unmount(ctx context.Context, path string) error {
	for {
		source, err := m.Source(path)
		if err != nil || source == "" {
			return err
		}
		if err := m.do(ctx, func() error { return m.mounter.Unmount(path) }); err != nil {
			return err
		}
	}
}

// do runs what takes no context.
func (m mountUtils) do(ctx context.Context, fn func() error) error {
	_, err := bounded(ctx, func() (struct{}, error) { return struct{}{}, fn() })
	return err
}
