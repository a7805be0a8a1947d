package scsi

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/pkg/errors"
)

// A Name is one name of an LU, as people and programs write it. The zero value
// names nothing.
type Name struct {
	kind uint8
	text string // of NAA and EUI-64 names the hex digits, in lower case
}

// ParseName reads an LU's name in the forms that are in use; hex digits may be
// in upper case.
//
//	36001405…, 350014ee…   NAA, as multipath and scsi_id print it
//	naa.6001405…           NAA, as the kernel's attribute wwid has it, or a SCSI name
//	0x6001405…, 6001405…   NAA, as in udev's ID_WWN, or alone
//	2001b32…, eui.001b32…  EUI-64 of 8, 12 or 16 bytes
//	1ATA_…, t10.ATA …      T10 vendor ID
//	8iqn.…                 SCSI name string, as sg3_utils' udev rules print it
//
// A serial number, by itself ("S…") or vendor specific ("0…"), is no such name:
// only its vendor knows which LU has it. Errors are *[DecodeError].
func ParseName(s string) (Name, error) {
	for _, read := range []func() Name{
		behind(s, "3", naaName), behind(s, "naa.", naaName), behind(s, "0x", naaName), behind(s, "0X", naaName),
		behind(s, "", naaName),
		behind(s, "2", euiName), behind(s, "eui.", euiName),
		behind(s, "1", t10Name), behind(s, "t10.", t10Name),
		behind(s, "8", scsiName),
	} {
		if n := read(); n != (Name{}) {
			return n, nil
		}
	}
	return Name{}, errors.WithStack(&DecodeError{What: "name of an LU", Reason: "no form that is known", Len: len(s)})
}

// behind reads what is behind a prefix; it gives the zero Name without it.
func behind(s, prefix string, read func(string) Name) func() Name {
	return func() Name {
		text, ok := strings.CutPrefix(s, prefix)
		if !ok {
			return Name{}
		}
		return read(text)
	}
}

func naaName(text string) Name {
	text = strings.ToLower(text)
	digits := map[byte]int{'2': 16, '3': 16, '5': 16, '6': 32}
	if !hexDigits(text) || digits[text[0]] != len(text) {
		return Name{}
	}
	return Name{KindNAA, text}
}

func euiName(text string) Name {
	text = strings.ToLower(text)
	if n := len(text); !hexDigits(text) || n != 16 && n != 24 && n != 32 {
		return Name{}
	}
	return Name{KindEUI64, text}
}

// t10Name is eight characters of vendor and something that the vendor gave.
func t10Name(text string) Name {
	if len(strings.TrimRight(text, " _")) <= 8 {
		return Name{}
	}
	return Name{KindT10, text}
}

func scsiName(text string) Name {
	if !strings.HasPrefix(text, "iqn.") {
		return Name{}
	}
	return Name{KindName, text}
}

// hexDigits reports whether text is hex digits in lower case, and not all zero.
func hexDigits(text string) bool {
	return strings.Trim(text, "0123456789abcdef") == "" && strings.Trim(text, "0") != ""
}

// WWID is the name as multipath prints it.
func (n Name) WWID() string {
	switch n.kind {
	case KindNAA:
		return "3" + n.text
	case KindEUI64:
		return "2" + n.text
	case KindT10:
		return udevText("1" + n.text)
	case KindName:
		return "8" + n.text
	}
	return ""
}

func (n Name) String() string { return n.WWID() }

// In reports whether one of the designators gives the LU itself this name.
func (n Name) In(designators []Designator) bool {
	return slices.ContainsFunc(ofLU(designators), n.is)
}

func (n Name) is(d Designator) bool {
	text := d.text()
	switch {
	case n.text == "":
		return false
	case n.kind == KindNAA:
		return n.number(d, "naa.")
	case n.kind == KindEUI64:
		return n.number(d, "eui.")
	case n.kind == KindT10 && d.Kind == KindT10:
		return slices.Contains(t10WWIDs(text), "1"+n.text) || strings.TrimRight(n.text, " ") == strings.TrimRight(text, " ")
	case n.kind == KindName && d.Kind == KindName:
		return text == n.text
	}
	return false
}

// number compares a NAA or EUI-64 name, which a designator may hold as it is or
// as a SCSI name with the prefix.
func (n Name) number(d Designator, prefix string) bool {
	switch d.Kind {
	case n.kind:
		return d.CodeSet == CodeBinary && hex.EncodeToString(d.ID) == n.text
	case KindName:
		return strings.ToLower(d.text()) == prefix+n.text
	}
	return false
}
