package scsi

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
)

// WWIDs lists every name that udev's scsi_id (and with it ID_SERIAL), the udev
// rules of sg3_utils and multipathd's own fallback could derive for an LU, best
// first: a map's WWID is that of its LU if it is anywhere in the list.
//
// The order is scsi_id's: NAA 6, NAA 5 and other NAA designators ("3" and hex
// digits), EUI-64 ("2"), T10 vendor ID ("1" and the text), vendor specific
// ("0", vendor, model, text), then SCSI names ("8", or as "3" and "2" where
// they are an NAA or EUI name), page 0x80 ("S", vendor, model, serial), and at last
// T10 designators with their blanks as they are. vendor, model and serial come from
// [Inquiry] and [ParseSerial], or from sysfs; serial may be "" where it is not known.
//
// Which of them a host uses depends on its udev rules and on whether multipathd
// had udev's answer in time: the same scsi_debug disk is 333333330000007d0 to
// scsi_id and 1Linux_scsi_debug_2000 to multipathd, which thinks little of a
// locally assigned NAA. So look a map's WWID up in the list, and do not expect
// the first.
//
// It is pure. Designators that name a port or a target are left out, and so are
// those that name nothing.
func WWIDs(designators []Designator, vendor, model, serial string) []string {
	lu := ofLU(designators)
	slices.SortStableFunc(lu, func(a, b Designator) int { return rank(a) - rank(b) })
	var out []string
	add := func(id string) {
		if len(id) > 1 && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	for _, d := range lu {
		for _, id := range d.wwids(vendor, model) {
			add(id)
		}
	}
	if serial != "" {
		add(udevText("S" + pad(vendor, 8) + pad(model, 16) + serial))
	}
	for _, d := range lu {
		add(d.blankWWID())
	}
	return out
}

// WWID is the best of [WWIDs], or "" if there is none.
func WWID(designators []Designator, vendor, model, serial string) string {
	if ids := WWIDs(designators, vendor, model, serial); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// ofLU are the designators that name the LU itself, and name anything at all.
func ofLU(ds []Designator) []Designator {
	var out []Designator
	for _, d := range ds {
		if d.Association == AssociationLU && d.names() {
			out = append(out, d)
		}
	}
	return out
}

// names reports whether the identifier tells LUs apart. A LUN without a device
// behind it may give zeros, blanks, or its vendor and nothing else: LIO's
// unmapped LUN 0 calls itself T10 "LIO-ORG", as every other one does.
func (d Designator) names() bool {
	id := bytes.TrimRight(d.ID, "\x00 ")
	if d.Kind == KindT10 {
		return len(id) > 8
	}
	return len(bytes.TrimLeft(id, "\x00 ")) > 0
}

// rank orders designators as scsi_id searches for them; lower is better.
func rank(d Designator) int {
	switch {
	case d.Kind == KindNAA && d.naa() == 6:
		return 0
	case d.Kind == KindNAA && d.naa() == 5:
		return 1
	case d.Kind == KindNAA:
		return 2
	case d.Kind == KindEUI64:
		return 3
	case d.Kind == KindT10:
		return 4
	case d.Kind == KindVendor:
		return 5
	}
	return 6
}

// naa is the format of a binary NAA designator: its first four bits.
func (d Designator) naa() uint8 {
	if d.CodeSet != CodeBinary {
		return 0
	}
	return byteAt(d.ID, 0) >> 4
}

// wwids are the names that this designator alone can give.
func (d Designator) wwids(vendor, model string) []string {
	switch d.Kind {
	case KindNAA:
		return []string{"3" + d.text()}
	case KindEUI64:
		return []string{"2" + d.text()}
	case KindT10:
		return t10WWIDs(d.text())
	case KindVendor:
		return []string{udevText("0" + pad(vendor, 8) + pad(model, 16) + d.text())}
	case KindName:
		return nameWWIDs(d.text())
	}
	return nil
}

// blankWWID is a T10 designator to a scsi_id that leaves its blanks as they are, as
// multipath 0.4.9 called it: "1IET     00010001".
func (d Designator) blankWWID() string {
	if d.Kind != KindT10 {
		return ""
	}
	return "1" + strings.TrimRight(d.text(), " ")
}

// t10WWIDs are udev's form of a T10 designator and multipathd's, which differ
// in trailing blanks and in characters that udev replaces.
func t10WWIDs(text string) []string {
	return []string{udevText("1" + text), "1" + blanks(text)}
}

// nameWWIDs are the forms of a SCSI name: sg3_utils keeps it whole, multipathd
// turns "naa." and "eui." into the digit of their kind, in lower case, and drops
// "iqn.".
func nameWWIDs(text string) []string {
	if len(text) < 4 {
		return []string{"8" + text}
	}
	id, whole := text[4:], "8"+text
	switch text[:4] {
	case "naa.":
		return []string{"3" + strings.ToLower(id), whole}
	case "eui.":
		return []string{"2" + strings.ToLower(id), whole}
	case "iqn.":
		return []string{whole, "8" + id}
	}
	return []string{whole}
}

// text is the ID as text: itself up to the first NUL if it is text, else in
// lower-case hex digits.
func (d Designator) text() string {
	if d.CodeSet != CodeASCII && d.CodeSet != CodeUTF8 {
		return hex.EncodeToString(d.ID)
	}
	text, _, _ := bytes.Cut(d.ID, []byte{0})
	return string(text)
}

// udevText is udev's replacement for ID_SERIAL: blanks around it go, runs of
// blanks become one underscore, and so does each character that is neither
// alphanumeric, one of "#+-.:=@_", nor part of valid UTF-8.
func udevText(s string) string {
	s = strings.Join(strings.FieldsFunc(s, isBlank), "_")
	return strings.Map(func(r rune) rune {
		if r == '\uFFFD' || r < 0x80 && !udevKeeps(r) {
			return '_'
		}
		return r
	}, s)
}

func isBlank(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }

func udevKeeps(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' ||
		strings.ContainsRune("#+-.:=@_", r)
}

// blanks turns each run of spaces into one underscore, as multipathd does.
func blanks(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch {
		case s[i] != ' ':
			b.WriteByte(s[i])
		case i == 0 || s[i-1] != ' ':
			b.WriteByte('_')
		}
	}
	return b.String()
}

// pad fills an INQUIRY string up to the length of its field.
func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-len(s))) }
