// Package scsireply builds what a logical unit answers: sense data, INQUIRY
// data, pages of vital product data, LUN lists. It reads the commands that such
// answers are to, as well. Simulated hosts and tests use it, so that package
// scsi is tested against bytes that somebody else laid out.
//
// Everything is pure, and of the standard library only. It checks nothing:
// tests need answers that no device should give. Do not use it outside tests.
package scsireply

// FixedSense is sense data in fixed format, about the current command.
//
//	0   1  2    3..6  7   8..11  12   13    14..17
//	70  –  key  info  0A  –      ASC  ASCQ  –
func FixedSense(key, asc, ascq byte) []byte {
	b := make([]byte, 18)
	b[0], b[2], b[7], b[12], b[13] = 0x70, key, 10, asc, ascq
	return b
}

// DescriptorSense is sense data in descriptor format, without descriptors,
// about the current command.
//
//	0   1    2    3     4..6  7
//	72  key  ASC  ASCQ  –     00
func DescriptorSense(key, asc, ascq byte) []byte {
	return []byte{0x72, key, asc, ascq, 0, 0, 0, 0}
}

// NotSupported is what a target says of a LUN that it does not have: sense
// 05/25/00 LOGICAL UNIT NOT SUPPORTED.
func NotSupported() []byte { return FixedSense(0x5, 0x25, 0x00) }

// LUNsChanged is the unit attention 06/3f/0e REPORTED LUNS DATA HAS CHANGED.
func LUNsChanged() []byte { return FixedSense(0x6, 0x3f, 0x0e) }
