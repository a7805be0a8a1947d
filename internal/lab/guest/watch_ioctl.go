//go:build linux && amd64

package guest

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	requestTCGETS  = 0x5401
	requestWinsize = 0x5413
	requestLoop    = 0x4c05 // LOOP_GET_STATUS64
	requestSG      = 0x2285 // SG_IO
	requestDM      = 0xc138fd00
)

// dmRequests are the names of device-mapper's, by the last byte of their numbers.
var dmRequests = []string{
	"DM_VERSION", "DM_REMOVE_ALL", "DM_LIST_DEVICES", "DM_DEV_CREATE", "DM_DEV_REMOVE", "DM_DEV_RENAME", "DM_DEV_SUSPEND", "DM_DEV_STATUS", "DM_DEV_WAIT",
	"DM_TABLE_LOAD", "DM_TABLE_CLEAR", "DM_TABLE_DEPS", "DM_TABLE_STATUS", "DM_LIST_VERSIONS", "DM_TARGET_MSG", "DM_DEV_SET_GEOMETRY", "DM_DEV_ARM_POLL", "DM_GET_TARGET_VERSION",
}

// request tells what an ioctl asks for, and of which map.
//
//	DM_DEV_SUSPEND DM_SUSPEND_FLAG      SG_IO 12      0x1261
func (m memory) request(number uint32, arg uint64) (said, of string) {
	switch {
	case number == requestSG:
		cdb := m.bytes(m.word(arg+24), 1) // struct sg_io_hdr
		return fmt.Sprintf("SG_IO %02x", cdb), ""
	case number == requestTCGETS, number == requestWinsize, number == requestLoop:
		return "asks", ""
	case number&^0xff == requestDM && int(number&0xff) < len(dmRequests):
		return m.mapper(dmRequests[number&0xff], arg)
	}
	return fmt.Sprintf("%#x", number), ""
}

// suspends is DM_SUSPEND_FLAG: without it DM_DEV_SUSPEND resumes.
const suspends = 1 << 1

// mapper reads struct dm_ioctl: data_start at 16, flags at 28, dev at 40, name at 48, uuid at 176. A
// message follows the number of a sector.
func (m memory) mapper(request string, arg uint64) (said, of string) {
	b := m.bytes(arg, 312)
	if len(b) < 312 {
		return request, ""
	}
	text := func(from, to int) string { s, _, _ := bytes.Cut(b[from:to], []byte{0}); return string(s) }
	if of = text(176, 305); of == "" {
		of = text(48, 176)
	}
	if of == "" {
		of = fmt.Sprintf("%#x", wordAt(b, 40))
	}
	if request == "DM_TARGET_MSG" {
		return request + " " + m.text(arg+uint64(binary.NativeEndian.Uint32(b[16:]))+8), of
	}
	flags := binary.NativeEndian.Uint32(b[28:])
	if request == "DM_DEV_SUSPEND" && flags&suspends != 0 {
		return request + " DM_SUSPEND_FLAG", of
	}
	return fmt.Sprintf("%s %#x", request, flags), of
}
