package remediate

import (
	"fmt"

	"github.com/pkg/errors"
)

// An IdentityError says that a device is not proven to lead to the wanted LU:
// it must not be used. With Got another LU is there, and waiting will not help;
// without it the proof is only missing.
type IdentityError struct {
	Device string // as the caller named it
	Want   string // the wanted WWID, as the caller named it
	Got    string // the WWID that is there instead; "" where the proof is only missing
	Path   string // the disk that it was seen through ("sdi"); "" where it is the device itself
	Reason string // one sentence
	Err    error  // what stood in the way, nil where nothing failed
}

func (e *IdentityError) Error() string {
	s := fmt.Sprintf("%s is not proven to lead to %s: ", e.Device, e.Want)
	if e.Path != "" {
		s += e.Path + " "
	}
	s += e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap makes the error match what stood in the way: fs.ErrNotExist for a
// device that is not there, fs.ErrPermission, fs.ErrInvalid for a name that is
// none, the context's errors.
func (e *IdentityError) Unwrap() error { return e.Err }

// missing is the error for a proof that is missing, without anything wrong yet.
func missing(path, reason string, err error) error {
	return errors.WithStack(&IdentityError{Path: path, Reason: reason, Err: err})
}

// another is the error for another LU in the place of the wanted one.
func another(path, got, reason string) error {
	return errors.WithStack(&IdentityError{Path: path, Got: or(got, "an LU without a name"), Reason: reason})
}
