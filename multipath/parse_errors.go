package multipath

import (
	"fmt"

	"github.com/pkg/errors"
)

var (
	// ErrTruncated reports that the input begins or ends in the middle of
	// something: there may be more maps, and more paths, than it shows.
	ErrTruncated = errors.New("output is cut off")
	// ErrNoTopology reports input that is not empty and shows no map, and that
	// does not say either that there is none.
	ErrNoTopology = errors.New("no topology in the output")
)

// A ParseError says why a text is not taken for a topology. Nothing of the text
// is returned beside it: what is left of a damaged one could show a path under
// the wrong map.
type ParseError struct {
	Line   int    // counted from 1
	Reason string // in words
	// LogsOnly comes with ErrNoTopology: every line is a log line of
	// multipath-tools itself. Up to 0.7.4 those go to standard output, so that
	// together with exit status 0 this does mean that there are no maps.
	LogsOnly bool
	Err      error // ErrTruncated, ErrNoTopology, or nil
}

var _ interface{ Unwrap() error } = (*ParseError)(nil)

// Error names the line, the cause and the details.
func (e *ParseError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
	}
	return fmt.Sprintf("line %d: %v: %s", e.Line, e.Err, e.Reason)
}

// Unwrap returns Err.
func (e *ParseError) Unwrap() error { return e.Err }

// A ReplyError says that the answer was an error instead of a topology.
type ReplyError struct {
	Reply string // what was said, cut to one readable line
	Err   error  // ErrBusy, ErrPermission, ErrNoDaemon, ErrUnsupported, ErrRefused
}

var _ interface{ Unwrap() error } = (*ReplyError)(nil)

// Error quotes the answer.
func (e *ReplyError) Error() string { return fmt.Sprintf("answered %q: %v", e.Reply, e.Err) }

// Unwrap returns Err.
func (e *ReplyError) Unwrap() error { return e.Err }
