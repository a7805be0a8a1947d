package scsi

import (
	"encoding/binary"

	"github.com/pkg/errors"
)

const (
	lunsHeader = 8
	lunLen     = 8
)

// ParseReportLUNs decodes the parameter data of REPORT LUNS (SPC-4, 6.33), in
// the form that Linux uses for the last number of H:C:T:L.
//
//	0..3              4..7      8..15      16..23
//	list length (BE)  reserved  first LUN  second LUN  …
//
// A list that is cut short, or no multiple of a LUN's length, is an error: a
// LUN must never look absent because the list was not read to its end. Errors
// are *[DecodeError].
func ParseReportLUNs(b []byte) ([]uint64, error) {
	if len(b) < lunsHeader {
		return nil, errors.WithStack(&DecodeError{What: "lun list", Reason: "truncated", Len: len(b), Want: lunsHeader})
	}
	length := int64(binary.BigEndian.Uint32(b))
	if length%lunLen != 0 {
		return nil, errors.WithStack(&DecodeError{What: "lun list", Reason: "length is no multiple of 8", Len: len(b)})
	}
	if have := int64(len(b)) - lunsHeader; have < length {
		return nil, errors.WithStack(&DecodeError{What: "lun list", Reason: "truncated", Len: len(b), Want: int(min(length, 1<<31-1-lunsHeader)) + lunsHeader})
	}
	luns := make([]uint64, 0, length/lunLen)
	for b = b[lunsHeader : lunsHeader+length]; len(b) > 0; b = b[lunLen:] {
		luns = append(luns, lunToInt(b))
	}
	return luns, nil
}

// lunToInt folds the four two-byte levels of a LUN into an integer as the
// kernel's scsilun_to_int does: the first level lowest, addressing method
// included (flat space LUN 1 is 16385).
func lunToInt(b []byte) uint64 {
	var n uint64
	for level := 3; level >= 0; level-- {
		n = n<<16 | uint64(binary.BigEndian.Uint16(b[2*level:]))
	}
	return n
}

// lunsLen says how long a LUN list claims to be, or 0 where it says nothing.
func lunsLen(b []byte) int {
	if len(b) < lunsHeader {
		return 0
	}
	return int(min(int64(binary.BigEndian.Uint32(b)), 1<<31-1-lunsHeader)) + lunsHeader
}
