// Sweep is the removal runbook for residual LUNs as one command: it surveys the
// multipath maps and SCSI disks of a host, says what each of them is and why,
// plans the removal of those that are dead, ours and unused, carries the plan
// out, and verifies by identity that nothing is left.
//
// It is a thin program over package remediate, which takes every decision.
package main

import (
	"os"
)

func main() {
	ctx, stop := interruptible(os.Stderr)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
