package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

// boot starts a guest, its console going to log. The guest's processes live in
// process and mount namespaces of their own, whose first process, the keeper,
// dies with this one: however a run ends, the kernel ends what it started and
// undoes what it mounted.
func boot(s spec, log *os.File) (*machine, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe", keeperArg)
	cmd.Env = append(os.Environ(), keeperEnv+"="+string(text))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true, // the terminal's Ctrl-C is for this process alone
	}
	started := make(chan error)
	m := &machine{ended: make(chan struct{})}
	go func() {
		// The death signal is sent when the starting thread ends, not the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- fmt.Errorf("starting a guest: %w", err)
			return
		}
		m.process = cmd.Process
		started <- nil
		_ = cmd.Wait()
		close(m.ended)
	}()
	return m, <-started
}

// keep is the keeper: process 1 of the guest's namespaces. It mounts what the
// guest needs, runs its kernel and returns with its exit status.
func keep() int {
	var s spec
	if err := json.Unmarshal([]byte(os.Getenv(keeperEnv)), &s); err != nil {
		return grumble(err)
	}
	if err := mounts(s); err != nil {
		return grumble(err)
	}
	if err := stayOn(s.CPU); err != nil {
		return grumble(err)
	}
	cmd := exec.Command("/usr/bin/linux.uml", append([]string{
		"mem=1G", "umid=guest", "uml_dir=/lab/uml", "root=/dev/root", "rootfstype=hostfs", "rootflags=/lab/root", "ro",
		"init=/payload/init.sh", "PAYLOAD=/lab/root/payload", "con=null", "con0=fd:0,fd:1", "loglevel=6", "panic=-1",
		"seccomp=auto", // where it can, which makes system calls cost half of what they cost by ptrace
	}, s.Args...)...)
	cmd.Dir = "/"
	cmd.Env = []string{"HOME=/lab", "TMPDIR=/lab/tmp", "PATH=/usr/bin:/usr/sbin"}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: s.Kernel}
	err := cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return grumble(err)
	}
	return 0
}

func grumble(err error) int {
	fmt.Fprintln(os.Stderr, "lab:", err)
	return 125
}

// mounts builds the kernel's surroundings: /proc and /dev, and under /lab, which
// is a tmpfs of this guest's own, the distribution's root with the payload in
// its place, and room for the guest's memory.
func mounts(s spec) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	lab := filepath.Join(s.Kernel, "lab")
	root := filepath.Join(lab, "root")
	for _, m := range []struct {
		source, target, fstype string
		flags                  uintptr
		data                   string
	}{
		{"proc", filepath.Join(s.Kernel, "proc"), "proc", 0, ""},
		{"/dev", filepath.Join(s.Kernel, "dev"), "", syscall.MS_BIND | syscall.MS_REC, ""},
		{"lab", lab, "tmpfs", 0, "size=3G,mode=755"},
		{s.Root, root, "", syscall.MS_BIND, ""},
		{s.Payload, filepath.Join(root, "payload"), "", syscall.MS_BIND, ""},
	} {
		if m.target == root {
			if err := folders(lab); err != nil {
				return err
			}
		}
		if err := syscall.Mount(m.source, m.target, m.fstype, m.flags, m.data); err != nil {
			return &os.PathError{Op: "mount", Path: m.target, Err: err}
		}
	}
	return nil
}

func folders(lab string) error {
	for _, d := range []string{"root", "tmp", "uml"} {
		if err := os.Mkdir(filepath.Join(lab, d), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// lock waits for the lock file at path and returns what releases it.
func lock(path string) (func(), error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, &os.PathError{Op: "flock", Path: path, Err: err}
	}
	return func() { f.Close() }, nil
}
