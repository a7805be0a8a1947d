package main

import (
	"context"
	"io/fs"
	"os"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/remediate"
)

// An opener opens the host that a command line names, and says how to close it.
type opener func(config) (sys remediate.System, closeHost func(), err error)

// openHost opens the simulated host of that name, or the real one under -root.
func openHost(c config) (remediate.System, func(), error) {
	if c.simulate != "" {
		return simulated(c.simulate, c.probeTimeout)
	}
	sys, err := remediate.OpenSystem(c.root, c.backend, c.probeTimeout)
	return sys, func() {}, err
}

// advice is what to do about an error, to be put behind it; "" where there is
// nothing to say.
func (s *session) advice(err error, interrupted bool) string {
	var stale *remediate.StaleError
	var breaker *remediate.BreakerError
	var file *fileError
	switch {
	case interrupted:
		return " (interrupted)"
	case errors.Is(err, context.DeadlineExceeded):
		return " (longer: -timeout; now " + s.timeout.String() + ")"
	case errors.As(err, &stale):
		return " (make a new plan: sweep plan -o FILE)"
	case errors.As(err, &breaker):
		return " (only if you know that it is none: -max-dead)"
	case errors.As(err, &file):
		return ""
	case errors.Is(err, fs.ErrPermission):
		return missingRights()
	case errors.Is(err, fs.ErrNotExist):
		return " (where is the host's file system? -root; to try it out: -simulate residual)"
	}
	return ""
}

func missingRights() string {
	if os.Geteuid() == 0 {
		return " (nothing was changed; this is root, but not with all its rights, or not among all the host's processes)"
	}
	return " (nothing was changed; root sees everything)"
}
