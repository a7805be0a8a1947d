package main

import (
	"context"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// The exit statuses, which scripts rely on.
const (
	statusClean  = 0 // nothing residual is left
	statusFailed = 1 // the work could not be done
	statusUsage  = 2 // the command line is wrong
	statusLeft   = 3 // residual devices are there, or were left
)

// status is the exit status for what a command found and did, and the error
// that ended it.
func status(d *document, err error, interrupted bool) int {
	var breaker *remediate.BreakerError
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return statusUsage
	case err != nil && interrupted:
		return statusFailed
	case errors.As(err, &breaker):
		return statusLeft
	case errors.Is(err, context.DeadlineExceeded) && d.left():
		return statusLeft
	case err != nil:
		return statusFailed
	case d.left() || d.residual() > 0 || d.unrecovered():
		return statusLeft
	}
	return statusClean
}
