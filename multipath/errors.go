package multipath

import (
	"context"
	stderrors "errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/pkg/errors"
)

// What a client's order can run into. They come wrapped in a *[CommandError];
// ask with errors.Is.
var (
	// ErrInUse: the map, or a partition map on it, is open.
	ErrInUse = errors.New("map or partition in use")
	// ErrNoMap: there is no map (or path) of that name. Also an [fs.ErrNotExist].
	ErrNoMap = fmt.Errorf("no such map or path: %w", fs.ErrNotExist)
	// ErrNoDaemon: nobody answers at multipathd's addresses.
	ErrNoDaemon = errors.New("multipathd is not running")
	// ErrBusy: multipathd answered that it could not take up the order in its
	// own time limit (uxsock_timeout). It has not been carried out.
	ErrBusy = errors.New("multipathd is busy")
	// ErrSilent: multipathd is there and answers no question, or the file system
	// with its socket does not even say whether it is. An order was then not even
	// sent, unless the error is [Uncertain].
	ErrSilent = errors.New("multipathd does not answer")
	// ErrPermission: refused for lack of privilege. Also an [fs.ErrPermission].
	ErrPermission = fmt.Errorf("needs root: %w", fs.ErrPermission)
	// ErrUnsupported: this version does not know the order. Also an
	// [errors.ErrUnsupported] of the standard library.
	ErrUnsupported = fmt.Errorf("unknown to this version of multipath-tools: %w", stderrors.ErrUnsupported)
	// ErrSuspended: device-mapper holds the map suspended and takes no message.
	ErrSuspended = errors.New("map is suspended")
	// ErrRefused: an answer that says no and not why, as multipathd up to 0.9.7
	// gives for a map in use and for one that is not there alike.
	ErrRefused = errors.New("refused without a reason")
	// ErrReply: an answer that cannot be what was asked for.
	ErrReply = errors.New("unintelligible reply")
	// ErrForbidden: not one of the orders that this package ever sends.
	ErrForbidden = errors.New("never sent by this package")
)

// A CommandError says what came of an order that was not carried out, or of
// which that is not known. Err is one of this package's Err… values, the
// context's error, or what the system said.
type CommandError struct {
	Backend   string   // "command", "socket", "dm"
	Argv      []string // the program and its arguments, the daemon's order word by word, or the ioctl and its subject
	ExitCode  int      // of a program; else 0
	Reply     string   // what was said, cut to one readable line
	Stuck     int      // process id of a program that not even a kill ends; else 0
	Uncertain bool     // the order may have been, or may yet be, carried out: read the state again
	Err       error
}

var _ interface{ Unwrap() error } = (*CommandError)(nil)

func (e *CommandError) Error() string {
	s := e.Backend + " " + strings.Join(e.Argv, " ") + ": " + e.Err.Error()
	if e.ExitCode != 0 {
		s += fmt.Sprintf(" (exit status %d)", e.ExitCode)
	}
	if e.Reply != "" {
		s += fmt.Sprintf(" (said %q)", e.Reply)
	}
	if e.Stuck != 0 {
		s += fmt.Sprintf(" (process %d does not end, not even by a kill)", e.Stuck)
	}
	if e.Uncertain {
		s += ", and may still be carried out"
	}
	return s
}

// Unwrap returns the cause.
func (e *CommandError) Unwrap() error { return e.Err }

// Uncertain reports whether err leaves it open if the order was, or will be,
// carried out, so that the state must be read again before anything else.
func Uncertain(err error) bool {
	var c *CommandError
	return errors.As(err, &c) && c.Uncertain
}

// A NameError says that a map's or device's name is not passed on, because it
// could be taken for something else: an option, two words, a comment. It
// matches [fs.ErrInvalid].
type NameError struct {
	Name   string
	Reason string
}

func (e *NameError) Error() string { return fmt.Sprintf("name %q %s", e.Name, e.Reason) }

// Is reports whether target is [fs.ErrInvalid].
func (e *NameError) Is(target error) bool { return target == fs.ErrInvalid }

// ended reports whether err comes from a context that is over.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// oneLine cuts what a program said down to what fits an error message. The end
// stays: warnings come first.
func oneLine(said string) string {
	const most = 200
	s := strings.Join(strings.Fields(said), " ")
	if len(s) > most {
		s = "…" + strings.ToValidUTF8(s[len(s)-most:], "")
	}
	return s
}
