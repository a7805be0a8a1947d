//go:build !linux

package command

import (
	"errors"
	"os/exec"
)

// isolate refuses: there is no multipath to run.
func isolate(*exec.Cmd, string) error { return errors.ErrUnsupported }

func kill(int) {}
