package remediate_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// code is the name of the gRPC code that an error stands for; with grpc-go it is
// codes.Aborted and so on. It reads no error's text.
func code(err error) string {
	var evidence *remediate.EvidenceError
	var identity *remediate.IdentityError
	switch {
	case err == nil:
		return "OK"
	case errors.Is(err, context.Canceled):
		return "Canceled"
	case errors.Is(err, context.DeadlineExceeded), is[*remediate.TimeoutError](err):
		return "DeadlineExceeded"
	case errors.Is(err, fs.ErrInvalid): // a WWID or an address that is none
		return "InvalidArgument"
	case errors.Is(err, fs.ErrPermission):
		return "PermissionDenied"
	case is[*remediate.StaleError](err), is[*remediate.LockedError](err): // the host has changed, or another run is at it
		return "Aborted"
	case is[*remediate.BreakerError](err): // an outage, by the look of it
		return "Unavailable"
	case errors.As(err, &evidence):
		switch evidence.Verdict {
		case remediate.Unreachable, remediate.Transient, remediate.Degraded, remediate.Unknown:
			return "Unavailable" // it may pass
		}
		return "FailedPrecondition" // it is alive
	case errors.As(err, &identity):
		if identity.Got == "" {
			return "Unavailable" // the proof is only missing
		}
		return "FailedPrecondition" // it is another volume
	case is[*remediate.InUseError](err), is[*remediate.NotOwnedError](err), is[*remediate.ProtectedError](err):
		return "FailedPrecondition"
	}
	return "Internal" // *RemainsError, *OpError, and whatever else a command said
}

func is[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// Which gRPC code does a driver answer with?
func Example_errorCodes() {
	ctx := context.Background()
	clear := func(preset string, owner remediate.Owner, wwid string) error {
		host := simulatedHost(preset)
		defer host.Close()
		s := value(remediate.New(remediate.WithSystem(host.System()), remediate.WithOwner(owner), remediate.WithDwell(0)))
		_, err := s.Clear(ctx, wwid)
		return err
	}
	fmt.Println("gone:", code(clear("residual", records, remediatetest.WWIDb)))
	fmt.Println("mounted:", code(clear("inuse", records, remediatetest.WWIDb)))
	fmt.Println("outage:", code(clear("outage", records, remediatetest.WWIDb)))
	fmt.Println("alive, and not ours:", code(clear("residual", records, remediatetest.WWIDa)))
	fmt.Println("nobody's:", code(clear("residual", nil, remediatetest.WWIDb)))
	fmt.Println("no name:", code(clear("residual", records, "vol-17")))

	host := simulatedHost("remapped")
	defer host.Close()
	s := value(remediate.New(remediate.WithSystem(host.System())))
	fmt.Println("another volume:", code(s.VerifyIdentity(ctx, "/dev/mapper/mpathb", remediatetest.WWIDb)))
	err := remediate.VerifyIdentity(ctx, "/dev/mapper/none", remediatetest.WWIDb, remediate.WithSystem(host.System()))
	fmt.Println("no device:", code(err), errors.Is(err, fs.ErrNotExist))

	plan := value(remediate.New(remediate.WithSystem(host.System()), remediate.WithOwner(records), remediate.WithDwell(0)))
	made := value(plan.Plan(ctx))
	host.Reboot("0f8e7d6c-5b4a-4392-8170-6f5e4d3c2b1a")
	_, err = plan.Execute(ctx, made)
	fmt.Println("made before a reboot:", code(err))
	// Output:
	// gone: OK
	// mounted: FailedPrecondition
	// outage: Unavailable
	// alive, and not ours: FailedPrecondition
	// nobody's: FailedPrecondition
	// no name: InvalidArgument
	// another volume: FailedPrecondition
	// no device: Unavailable true
	// made before a reboot: Aborted
}

// What stands behind a refusal is in the error, field by field.
func ExampleInUseError() {
	host := simulatedHost("inuse")
	defer host.Close()
	s := value(remediate.New(remediate.WithSystem(host.System()), remediate.WithOwner(records), remediate.WithDwell(0)))
	report, err := s.Clear(context.Background(), remediatetest.WWIDb)
	var used *remediate.InUseError
	if errors.As(err, &used) {
		for _, u := range used.Users {
			fmt.Println(used.WWID, u.Kind, u.By, u.PID)
		}
	}
	fmt.Println(report.Left()[0].Outcome, is[*remediate.InUseError](report.Err()), len(s.Stuck()))
	// Output:
	// 360014055e7c14d0b8aa4f6e92d3b7c05 mount /var/lib/kubelet/pods/1f4e/volumes/kubernetes.io~csi/vol-pg-7/mount 1
	// refused true 0
}

// Errors that concern no LU by itself.
func ExampleOpError() {
	host := simulatedHost("residual")
	defer host.Close()
	s := value(remediate.New(remediate.WithSystem(host.System())))
	_, err := s.Clear(context.Background(), "no such name")
	var op *remediate.OpError
	fmt.Println(errors.As(err, &op), op.Op, op.Target, is[*remediate.RemainsError](err))
	for _, c := range s.Stuck() {
		fmt.Println(c.What, "since", c.Since)
	}
	// Output:
	// true understand the WWID no such name false
}
