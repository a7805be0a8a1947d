package scsi

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/pkg/errors"
)

// The pages of vital product data that have a method of their own.
const (
	PageSupported = 0x00 // supported pages
	PageSerial    = 0x80 // unit serial number
	PageDeviceID  = 0x83 // device identification
)

// vpdHeader is the length of what precedes every page.
const vpdHeader = 4

// ParseVPD checks that b begins with a whole page of vital product data with
// this page code, and returns it, header included, without what follows it.
//
//	0               1          2..3         4…
//	qualifier type  page code  length (BE)  body
//
// A page that says it is longer than b is an error: half a page must never look
// like a whole one. Errors are *[DecodeError].
func ParseVPD(b []byte, page byte) ([]byte, error) {
	what := fmt.Sprintf("vpd page %02xh", page)
	if len(b) < vpdHeader {
		return nil, errors.WithStack(&DecodeError{What: what, Reason: "truncated", Len: len(b), Want: vpdHeader})
	}
	if b[1] != page {
		return nil, errors.WithStack(&DecodeError{What: what, Reason: fmt.Sprintf("page code %02xh", b[1]), Len: len(b)})
	}
	if want := vpdLen(b); len(b) < want {
		return nil, errors.WithStack(&DecodeError{What: what, Reason: "truncated", Len: len(b), Want: want})
	}
	return b[:vpdLen(b):vpdLen(b)], nil
}

// vpdLen is how long the page that b begins with says it is.
func vpdLen(b []byte) int { return vpdHeader + int(binary.BigEndian.Uint16(b[2:])) }

// ParseSupportedPages decodes page 0x00: the codes of the pages there are.
func ParseSupportedPages(b []byte) ([]byte, error) {
	page, err := ParseVPD(b, PageSupported)
	if err != nil {
		return nil, err
	}
	return page[vpdHeader:], nil
}

// ParseSerial decodes page 0x80, the unit serial number, without its padding.
// The empty string is a valid answer: the device gives none.
func ParseSerial(b []byte) (string, error) {
	page, err := ParseVPD(b, PageSerial)
	if err != nil {
		return "", err
	}
	return strings.Trim(string(page[vpdHeader:]), " \x00"), nil
}

// vpdOp is what asking for a page is called in errors.
func vpdOp(page byte) string { return fmt.Sprintf("inquiry vpd %02xh", page) }

// vpdWant says how long an answer claims to be, or 0 where it is not that page.
func vpdWant(page byte) func([]byte) int {
	return func(b []byte) int {
		if len(b) < vpdHeader || b[1] != page {
			return 0
		}
		return vpdLen(b)
	}
}
