package main

import (
	"context"
	"io/fs"
	"testing"

	"github.com/pkg/errors"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lunsweep/lunsweep/remediate"
)

// Every typed error has its code, however deep it is wrapped.
func TestCodes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want codes.Code
	}{
		{&remediate.InUseError{}, codes.FailedPrecondition},
		{&remediate.NotOwnedError{}, codes.FailedPrecondition},
		{&remediate.StaleError{}, codes.Aborted},
		{&remediate.LockedError{}, codes.Aborted},
		{&remediate.BreakerError{}, codes.Unavailable},
		{&remediate.TimeoutError{}, codes.DeadlineExceeded},
		{&remediate.RemainsError{}, codes.Internal},
		{&remediate.EvidenceError{Verdict: remediate.Unreachable}, codes.Unavailable},
		{&remediate.EvidenceError{Verdict: remediate.Transient}, codes.Unavailable},
		{&remediate.EvidenceError{Verdict: remediate.Healthy}, codes.FailedPrecondition},
		{&remediate.EvidenceError{Verdict: remediate.Suspended}, codes.FailedPrecondition},
		{&remediate.IdentityError{Got: "3600"}, codes.FailedPrecondition},
		{&remediate.IdentityError{}, codes.Unavailable},
		{&remediate.IdentityError{Err: fs.ErrNotExist}, codes.Unavailable},
		{&remediate.IdentityError{Err: fs.ErrInvalid}, codes.InvalidArgument},
		{&remediate.OpError{Err: fs.ErrPermission}, codes.PermissionDenied},
		{&remediate.OpError{Err: errors.New("x")}, codes.Internal},
		{context.Canceled, codes.Canceled},
		{context.DeadlineExceeded, codes.DeadlineExceeded},
		{status.Error(codes.Aborted, "x"), codes.Aborted},
	} {
		if got := status.Code(coded(errors.WithMessage(errors.WithStack(tt.err), "outer"))); got != tt.want {
			t.Errorf("%T: %s, want %s", tt.err, got, tt.want)
		}
	}
	if coded(nil) != nil {
		t.Error("no error has a code")
	}
}
