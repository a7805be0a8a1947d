package scsi

import (
	"bytes"
	"fmt"

	"github.com/pkg/errors"
)

// What a [Designator] names (its Association).
const (
	AssociationLU     = 0
	AssociationPort   = 1 // the target port that answered: differs between paths
	AssociationTarget = 2 // the target device
)

// What a [Designator]'s ID is (its Kind: the designator type of SPC-4).
const (
	KindVendor  = 0x0
	KindT10     = 0x1 // T10 vendor ID: 8 characters of vendor, then its own text
	KindEUI64   = 0x2
	KindNAA     = 0x3
	KindRelPort = 0x4 // relative target port identifier
	KindGroup   = 0x5 // target port group
	KindLUGroup = 0x6 // logical unit group
	KindMD5     = 0x7
	KindName    = 0x8 // SCSI name string: "naa.…", "eui.…", "iqn.…"
)

// How a [Designator]'s ID is written (its CodeSet).
const (
	CodeBinary = 1
	CodeASCII  = 2
	CodeUTF8   = 3
)

// A Designator is one name from page 0x83 (SPC-4, 7.8.6).
type Designator struct {
	Association uint8 // what is named: the LU, a port, the target
	Kind        uint8 // designator type
	CodeSet     uint8
	Protocol    uint8 // protocol identifier; 0 unless the device says it is valid
	ID          []byte
}

func (d Designator) String() string {
	who := [...]string{"lu", "port", "target", "reserved"}[d.Association&3]
	if d.CodeSet == CodeASCII || d.CodeSet == CodeUTF8 {
		return fmt.Sprintf("%s %s %q", who, kindName(d.Kind), bytes.TrimRight(d.ID, " \x00"))
	}
	return fmt.Sprintf("%s %s %x", who, kindName(d.Kind), d.ID)
}

func kindName(kind uint8) string {
	names := [...]string{"vendor", "t10", "eui-64", "naa", "relative-port", "port-group", "lu-group", "md5", "name"}
	if int(kind) < len(names) {
		return names[kind]
	}
	return fmt.Sprintf("kind-%xh", kind)
}

// ParseDesignators decodes page 0x83, device identification, into its
// designators in the page's order. b may be a live page or the one that sysfs
// caches as vpd_pg83; bytes after the page's end are ignored.
//
//	page        0               1   2..3         4…
//	            qualifier type  83  length (BE)  designators
//	designator  0                    1                         2  3       4…
//	            protocol | code set  PIV | association | kind  –  length  ID
//
// Errors are *[DecodeError].
func ParseDesignators(b []byte) ([]Designator, error) {
	page, err := ParseVPD(b, PageDeviceID)
	if err != nil {
		return nil, err
	}
	ds := []Designator{}
	for body := page[vpdHeader:]; len(body) > 0 && !padding(body); {
		d, rest, err := cutDesignator(body)
		if err != nil {
			return nil, err
		}
		ds = append(ds, d)
		body = rest
	}
	return ds, nil
}

// padding reports whether nothing but the zeros follow with which some devices
// fill the page up.
func padding(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// cutDesignator decodes the designator that b begins with.
func cutDesignator(b []byte) (d Designator, rest []byte, err error) {
	const header = 4
	if len(b) < header {
		return d, nil, errors.WithStack(&DecodeError{What: "designator", Reason: "truncated", Len: len(b), Want: header})
	}
	end := header + int(b[3])
	if len(b) < end {
		return d, nil, errors.WithStack(&DecodeError{What: "designator", Reason: "truncated", Len: len(b), Want: end})
	}
	d = Designator{
		Association: b[1] >> 4 & 3,
		Kind:        b[1] & 0xf,
		CodeSet:     b[0] & 0xf,
		ID:          bytes.Clone(b[header:end]),
	}
	if piv := b[1]&0x80 != 0; piv {
		d.Protocol = b[0] >> 4
	}
	return d, b[end:], nil
}
