package scsi

import (
	"encoding/binary"
	"slices"
)

// The opcodes that may be sent, all of them reading only (SPC-4, clause 6).
const (
	opTestUnitReady = 0x00
	opInquiry       = 0x12
	opReportLUNs    = 0xa0
)

// permitted reports whether a command may leave this package.
func permitted(cdb []byte) bool {
	return len(cdb) >= 6 && len(cdb) <= 16 &&
		slices.Contains([]byte{opTestUnitReady, opInquiry, opReportLUNs}, cdb[0])
}

// testUnitReadyCDB is TEST UNIT READY, six bytes of zero.
func testUnitReadyCDB() []byte { return make([]byte, 6) }

// inquiryCDB is INQUIRY for the standard data.
//
//	0   1         2     3..4            5
//	12  EVPD = 0  00    allocation (BE) control
func inquiryCDB(alloc int) []byte {
	cdb := []byte{opInquiry, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(cdb[3:], uint16(alloc))
	return cdb
}

// vpdCDB is INQUIRY for a page of vital product data.
//
//	0   1         2     3..4            5
//	12  EVPD = 1  page  allocation (BE) control
func vpdCDB(page byte, alloc int) []byte {
	cdb := inquiryCDB(alloc)
	cdb[1], cdb[2] = 1, page
	return cdb
}

// reportLUNsCDB is REPORT LUNS for the LUNs that can be addressed (select
// report 00h: without the well-known ones).
//
//	0   1    2              3..5  6..9            10  11
//	A0  rsvd select report  rsvd  allocation (BE) rsvd control
func reportLUNsCDB(alloc int) []byte {
	cdb := make([]byte, 12)
	cdb[0] = opReportLUNs
	binary.BigEndian.PutUint32(cdb[6:], uint32(alloc))
	return cdb
}
