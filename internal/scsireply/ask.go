package scsireply

import (
	"encoding/binary"
	"fmt"
)

// A Kind is what a command asks for.
type Kind uint8

// What package scsi asks for.
const (
	Other Kind = iota
	TestUnitReady
	StandardInquiry
	VPDPage
	ReportLUNs
)

// An Ask is a command, read.
type Ask struct {
	Kind  Kind
	Page  byte // for VPDPage
	Alloc int  // how much answer there is room for
}

// Read reads a command descriptor block.
//
//	00  –     –     –            –            –
//	12  EVPD  page  allocation (BE)           control
//	A0  –     –     –  –  –  allocation (BE, 4 bytes)  –  control
func Read(cdb []byte) (Ask, error) {
	switch {
	case len(cdb) == 6 && cdb[0] == 0x00:
		return Ask{Kind: TestUnitReady}, nil
	case len(cdb) == 6 && cdb[0] == 0x12:
		a := Ask{Kind: StandardInquiry, Page: cdb[2], Alloc: int(binary.BigEndian.Uint16(cdb[3:]))}
		if cdb[1]&1 == 1 {
			a.Kind = VPDPage
		}
		return a, nil
	case len(cdb) == 12 && cdb[0] == 0xa0:
		return Ask{Kind: ReportLUNs, Alloc: int(binary.BigEndian.Uint32(cdb[6:]))}, nil
	}
	return Ask{}, fmt.Errorf("command % x is none that is answered here", cdb)
}
