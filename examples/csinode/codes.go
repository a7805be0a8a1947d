package main

import (
	"context"
	"io/fs"

	"github.com/pkg/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lunsweep/lunsweep/remediate"
)

// coded gives an error the gRPC code that tells the CO what to do: nothing is
// decided by an error's text. Unavailable, Aborted and DeadlineExceeded mean
// "call again", FailedPrecondition that somebody must do something first.
func coded(err error) error {
	if err == nil {
		return nil
	}
	if s, ok := status.FromError(err); ok {
		return s.Err()
	}
	return status.Error(codeOf(err), err.Error())
}

func codeOf(err error) codes.Code {
	switch {
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	case errors.Is(err, context.DeadlineExceeded), is[*remediate.TimeoutError](err):
		return codes.DeadlineExceeded
	case errors.Is(err, fs.ErrInvalid):
		return codes.InvalidArgument
	case errors.Is(err, fs.ErrPermission):
		return codes.PermissionDenied
	case is[*remediate.InUseError](err), is[*remediate.NotOwnedError](err):
		return codes.FailedPrecondition
	case is[*remediate.StaleError](err), is[*remediate.LockedError](err): // the host has changed, or another sweep is at it
		return codes.Aborted
	case is[*remediate.BreakerError](err): // an outage, by the look of it
		return codes.Unavailable
	}
	var identity *remediate.IdentityError
	if errors.As(err, &identity) {
		return codeOfIdentity(identity)
	}
	var evidence *remediate.EvidenceError
	if errors.As(err, &evidence) {
		return codeOfEvidence(evidence)
	}
	return codes.Internal // *RemainsError, *OpError, and whatever a command said
}

// codeOfIdentity tells another volume from a proof that is only missing yet.
func codeOfIdentity(e *remediate.IdentityError) codes.Code {
	if e.Got != "" {
		return codes.FailedPrecondition
	}
	return codes.Unavailable
}

// codeOfEvidence tells what passes by itself from what does not.
func codeOfEvidence(e *remediate.EvidenceError) codes.Code {
	switch e.Verdict {
	case remediate.Unreachable, remediate.Transient, remediate.Degraded, remediate.Unknown:
		return codes.Unavailable
	}
	return codes.FailedPrecondition
}

func is[T error](err error) bool {
	var e T
	return errors.As(err, &e)
}
