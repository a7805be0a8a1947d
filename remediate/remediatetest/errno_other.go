//go:build !linux

package remediatetest

import "syscall"

// errTarget stands for EREMOTEIO, which not every system has.
const errTarget = syscall.ETIMEDOUT
