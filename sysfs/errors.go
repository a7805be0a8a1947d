package sysfs

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// A ParseError says that a text is not what it should be.
type ParseError struct {
	What string // "device number", "mountinfo", …
	Text string // the offending text, shortened
}

func (e *ParseError) Error() string { return fmt.Sprintf("not a valid %s: %q", e.What, e.Text) }

// Unwrap makes a ParseError match [fs.ErrInvalid].
func (e *ParseError) Unwrap() error { return fs.ErrInvalid }

var _ interface{ Unwrap() error } = (*ParseError)(nil)

const longestQuote = 120

func badText(what, text string) error {
	if len(text) > longestQuote {
		text = text[:longestQuote] + "…"
	}
	return &ParseError{What: what, Text: text}
}

// A goneError is an errno that says, in the kernel's tree, that the device has
// gone: an attribute that was open already when its device went answers ENODEV,
// one that is looked up later ENOENT.
type goneError struct{ err error }

func (e *goneError) Error() string        { return e.err.Error() }
func (e *goneError) Unwrap() error        { return e.err }
func (e *goneError) Is(target error) bool { return target == fs.ErrNotExist }

var _ interface{ Unwrap() error } = (*goneError)(nil)

// pathError wraps err, nil included, for one file of the tree.
func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		op, path, err = pe.Op, pe.Path, pe.Err
	}
	if errors.Is(err, syscall.ENODEV) && !errors.Is(err, fs.ErrNotExist) {
		err = &goneError{err}
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
