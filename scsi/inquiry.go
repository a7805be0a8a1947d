package scsi

import (
	"strings"

	"github.com/pkg/errors"
)

// inquiryLen is how much standard INQUIRY data is asked for: what every device
// since SCSI-2 has. Some answer nothing sensible to more.
const inquiryLen = 36

// An Inquiry is what a device says it is (standard INQUIRY data, SPC-4, 6.6.2).
type Inquiry struct {
	// Qualifier is the peripheral qualifier: 0 means that a device is there;
	// 1 and 3 mean that this LUN leads nowhere, whatever else is said.
	Qualifier uint8
	Type      uint8 // peripheral device type: 0 disk, 1Fh unknown or none
	Removable bool  // the medium, not the device
	Vendor    string
	Product   string
	Revision  string
}

// Connected reports whether the target says that there is a device behind this
// LUN: a peripheral qualifier of 0.
func (i Inquiry) Connected() bool { return i.Qualifier == 0 }

// ParseInquiry decodes standard INQUIRY data.
//
//	0               1        2..3  4                  8..15   16..31   32..35
//	qualifier type  RMB(80)  –     additional length  vendor  product  revision
//
// Strings are trimmed; those beyond the end of shorter data are empty. Errors
// are *[DecodeError].
func ParseInquiry(b []byte) (Inquiry, error) {
	if len(b) < 5 {
		return Inquiry{}, errors.WithStack(&DecodeError{What: "inquiry data", Reason: "truncated", Len: len(b), Want: 5})
	}
	b = b[:min(len(b), 5+int(b[4]))]
	return Inquiry{
		Qualifier: b[0] >> 5,
		Type:      b[0] & 0x1f,
		Removable: b[1]&0x80 != 0,
		Vendor:    text(b, 8, 16),
		Product:   text(b, 16, 32),
		Revision:  text(b, 32, 36),
	}, nil
}

// text is the field b[from:to] without its padding, or "" if it is cut off.
func text(b []byte, from, to int) string {
	if len(b) < to {
		return ""
	}
	return strings.Trim(string(b[from:to]), " \x00")
}
