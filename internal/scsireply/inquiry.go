package scsireply

import "encoding/binary"

// Inquiry is standard INQUIRY data of 36 bytes, with the strings padded, or cut,
// to their fields.
//
//	0               1..3  4   5..7  8..15   16..31   32..35
//	qualifier type  –     1F  –     vendor  product  revision
func Inquiry(qualifier, typ byte, vendor, product, revision string) []byte {
	b := make([]byte, 36)
	b[0], b[2], b[3], b[4] = qualifier<<5|typ&0x1f, 0x06, 0x02, 31
	fill(b[8:16], vendor)
	fill(b[16:32], product)
	fill(b[32:36], revision)
	return b
}

// fill writes s, left-aligned, into a field padded with blanks.
func fill(field []byte, s string) {
	for i := copy(field, s); i < len(field); i++ {
		field[i] = ' '
	}
}

// VPD is a page of vital product data of a disk that is there.
//
//	0   1          2..3         4…
//	00  page code  length (BE)  body
func VPD(page byte, body []byte) []byte {
	b := []byte{0, page, 0, 0}
	binary.BigEndian.PutUint16(b[2:], uint16(len(body)))
	return append(b, body...)
}

// SupportedPages is page 0x00.
func SupportedPages(pages ...byte) []byte { return VPD(0x00, pages) }

// Serial is page 0x80, the unit serial number.
func Serial(serial string) []byte { return VPD(0x80, []byte(serial)) }

// Identification is page 0x83 with these designators.
func Identification(designators ...[]byte) []byte {
	var body []byte
	for _, d := range designators {
		body = append(body, d...)
	}
	return VPD(0x83, body)
}

// NAA is a binary NAA designator of the LU: id is 8 or 16 bytes, the first half
// byte being the format.
func NAA(id []byte) []byte { return Designator(0, 1, 0, 3, id) }

// EUI64 is a binary EUI-64 designator of the LU.
func EUI64(id []byte) []byte { return Designator(0, 1, 0, 2, id) }

// T10 is a T10 vendor ID designator of the LU.
func T10(vendor, id string) []byte {
	b := make([]byte, 8, 8+len(id))
	fill(b, vendor)
	return Designator(0, 2, 0, 1, append(b, id...))
}

// Name is a SCSI name designator of the LU: "naa.…", "eui.…" or "iqn.…".
func Name(name string) []byte { return Designator(0, 3, 0, 8, []byte(name)) }

// Port is a relative target port designator of the port that answers over iSCSI.
func Port(number uint16) []byte {
	return Designator(5, 1, 1, 4, []byte{0, 0, byte(number >> 8), byte(number)})
}

// Designator is one designator of page 0x83. The protocol is marked as valid
// where it is not 0, or where a port or target is named.
//
//	0                    1                         2  3       4…
//	protocol | code set  PIV | association | kind  –  length  ID
func Designator(protocol, codeSet, association, kind byte, id []byte) []byte {
	b := []byte{protocol<<4 | codeSet&0xf, association&3<<4 | kind&0xf, 0, byte(len(id))}
	if protocol != 0 || association != 0 {
		b[1] |= 0x80
	}
	return append(b, id...)
}
