package scsi

import (
	"fmt"

	"github.com/pkg/errors"
)

// Sense is what a CHECK CONDITION was about (SPC-4, 4.5).
type Sense struct {
	Descriptor bool // descriptor format (72h, 73h) instead of fixed (70h, 71h)
	Deferred   bool // about an earlier command, not this one
	Key        uint8
	ASC, ASCQ  uint8 // additional sense code and its qualifier
}

// The sense keys that decide something here.
const (
	keyNoSense        = 0x0
	keyRecovered      = 0x1
	keyIllegalRequest = 0x5
	keyUnitAttention  = 0x6
)

// ParseSense decodes fixed or descriptor format sense data.
//
//	fixed       0      1   2    3..6  7           8..11  12   13
//	            70/71  –   key  info  additional  –      ASC  ASCQ
//	descriptor  0      1    2    3     4..6  7
//	            72/73  key  ASC  ASCQ  –     additional
//
// Like the kernel, it takes ASC and ASCQ of fixed format data as 0 where they
// are too short to hold them. Errors are *[DecodeError].
func ParseSense(b []byte) (Sense, error) {
	if len(b) < 8 {
		return Sense{}, errors.WithStack(&DecodeError{What: "sense data", Reason: "truncated", Len: len(b), Want: 8})
	}
	code := b[0] & 0x7f
	s := Sense{Deferred: code&1 == 1}
	switch code {
	case 0x70, 0x71:
		s.Key = b[2] & 0xf
		b = b[:min(len(b), 8+int(b[7]))]
		s.ASC, s.ASCQ = byteAt(b, 12), byteAt(b, 13)
	case 0x72, 0x73:
		s.Descriptor = true
		s.Key, s.ASC, s.ASCQ = b[1]&0xf, b[2], b[3]
	default:
		return Sense{}, errors.WithStack(&DecodeError{What: "sense data", Reason: fmt.Sprintf("response code %02xh", code), Len: len(b)})
	}
	return s, nil
}

func byteAt(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}

// String is the sense as sg3_utils and kernel logs write it, with a name where
// there is a common one: "05/25/00 logical unit not supported".
func (s Sense) String() string {
	text := fmt.Sprintf("%02x/%02x/%02x", s.Key, s.ASC, s.ASCQ)
	if name := s.name(); name != "" {
		text += " " + name
	}
	if s.Deferred {
		text += " (deferred)"
	}
	return text
}

// name is the additional sense code's name, or else the key's.
func (s Sense) name() string {
	if name := ascName(s.ASC, s.ASCQ); name != "" {
		return name
	}
	return [...]string{
		"no sense", "recovered error", "not ready", "medium error",
		"hardware error", "illegal request", "unit attention", "data protect",
		"blank check", "vendor specific", "copy aborted", "aborted command",
		"reserved", "volume overflow", "miscompare", "completed",
	}[s.Key&0xf]
}

// ascName names the additional sense codes that lost, changed and busy LUs
// answer with (SPC-4, annex D).
func ascName(asc, ascq byte) string {
	switch uint16(asc)<<8 | uint16(ascq) {
	case 0x0400:
		return "logical unit not ready, cause not reportable"
	case 0x0401:
		return "logical unit is in process of becoming ready"
	case 0x0402:
		return "logical unit not ready, initializing command required"
	case 0x0403:
		return "logical unit not ready, manual intervention required"
	case 0x040a:
		return "logical unit not accessible, asymmetric access state transition"
	case 0x040b:
		return "logical unit not accessible, target port in standby state"
	case 0x040c:
		return "logical unit not accessible, target port in unavailable state"
	case 0x0500:
		return "logical unit does not respond to selection"
	case 0x0800:
		return "logical unit communication failure"
	case 0x1100:
		return "unrecovered read error"
	case 0x2000:
		return "invalid command operation code"
	case 0x2100:
		return "logical block address out of range"
	case 0x2400:
		return "invalid field in cdb"
	case 0x2500:
		return "logical unit not supported"
	case 0x2700:
		return "write protected"
	case 0x2800:
		return "not ready to ready change, medium may have changed"
	case 0x2900:
		return "power on, reset, or bus device reset occurred"
	case 0x2a01:
		return "mode parameters changed"
	case 0x2a06:
		return "asymmetric access state changed"
	case 0x2a09:
		return "capacity data has changed"
	case 0x3a00:
		return "medium not present"
	case 0x3f01:
		return "microcode has been changed"
	case 0x3f03:
		return "inquiry data has changed"
	case 0x3f05:
		return "device identifier changed"
	case 0x3f0e:
		return "reported luns data has changed"
	case 0x4400:
		return "internal target failure"
	}
	return ""
}
