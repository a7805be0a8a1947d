package remediatetest

import "syscall"

// errTarget is how Linux tells of BLK_STS_TARGET: the target refused.
const errTarget = syscall.EREMOTEIO
