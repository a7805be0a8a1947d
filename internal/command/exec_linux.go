package command

import (
	"os/exec"
	"path/filepath"
	"syscall"
)

// isolate puts the program into a process group, and a root, of its own.
func isolate(cmd *exec.Cmd, root string) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if root != "" && filepath.Clean(root) != "/" {
		cmd.SysProcAttr.Chroot = root
	}
	return nil
}

// kill kills a program and all that it started.
func kill(pid int) {
	if pid > 0 {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
}
