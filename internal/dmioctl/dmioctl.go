// Package dmioctl is the binary form of what is said over
// /dev/mapper/control, the kernel's device-mapper interface, version 4: struct
// dm_ioctl and what follows it (linux/dm-ioctl.h). It encodes and decodes, for
// both sides of the conversation, and opens nothing.
package dmioctl

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// The commands: the number in the request code _IOWR(0xfd, n, struct dm_ioctl).
const (
	Version     uint32 = 0
	ListDevices uint32 = 2
	DevRemove   uint32 = 4
	DevSuspend  uint32 = 6 // resumes, where FlagSuspend is not set
	DevStatus   uint32 = 7
	TableStatus uint32 = 12
	TargetMsg   uint32 = 14
)

// Flags of a [Header].
const (
	FlagReadOnly        uint32 = 1 << 0
	FlagSuspend         uint32 = 1 << 1 // asks for, or tells of, a suspended device
	FlagStatusTable     uint32 = 1 << 4 // TableStatus: the table and not the status
	FlagActivePresent   uint32 = 1 << 5
	FlagInactivePresent uint32 = 1 << 6
	FlagBufferFull      uint32 = 1 << 8 // the answer needs a bigger buffer
	FlagNoFlush         uint32 = 1 << 11
	FlagDeferredRemove  uint32 = 1 << 17 // never set by this module
)

// What udev is told by way of a uevent's DM_COOKIE, in the upper half of
// [Header].EventNr (libdevmapper.h; the three subsystem flags as
// libmultipath/devmapper.h uses them).
const (
	UdevShift                    = 16
	UdevNoLibraryFallback        = 0x0020
	UdevPrimarySource            = 0x0040
	UdevMultipathReload          = 0x0100 // nothing changed but the table: do not scan again
	UdevMultipathNoPaths         = 0x0400 // nobody may open it: the open would hang
	headerSize                   = 312
	nameAt, nameLen              = 48, 128
	uuidAt, uuidLen              = 176, 129
	specSize, specType           = 40, 24
	listHead                     = 12 // struct dm_name_list before its name
	major                 uint32 = 4
)

// HeaderSize is sizeof(struct dm_ioctl), on every architecture.
const HeaderSize = headerSize

// A Header is struct dm_ioctl:
//
//	  0 version[3]   12 data_size   16 data_start   20 target_count   24 open_count
//	 28 flags        32 event_nr    36 (padding)    40 dev            48 name[128]
//	176 uuid[129]   305 data[7]    312 end
//
// in the byte order of the machine.
type Header struct {
	Version     [3]uint32
	DataSize    uint32 // of the buffer, header included
	DataStart   uint32 // where in it the payload begins
	TargetCount uint32
	OpenCount   int32
	Flags       uint32
	EventNr     uint32
	Dev         uint64
	Name, UUID  string // a request has one of the two
}

// A Target is one line of a table, with its parameters or its status.
type Target struct {
	Start, Length uint64 // sectors of 512 bytes
	Type          string // "multipath"
	Params        string
}

// A Name is one entry of the list of devices.
type Name struct {
	Dev  uint64
	Name string
}

// A DecodeError says that a buffer is not what the kernel would have left.
type DecodeError struct {
	What string
	At   int // offset into the buffer
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("device-mapper answer: %s at byte %d", e.What, e.At)
}

// Request returns a buffer of size bytes (more, if that is too few) with h and
// payload in it. The version asked for is 4.0.0, which every kernel grants.
func Request(h Header, payload []byte, size int) []byte {
	buf := make([]byte, max(size, HeaderSize+len(payload)))
	h.Version = [3]uint32{major, 0, 0}
	h.DataSize, h.DataStart = uint32(len(buf)), HeaderSize
	h.put(buf)
	copy(buf[HeaderSize:], payload)
	return buf
}

func (h *Header) put(buf []byte) {
	o := binary.NativeEndian
	clear(buf[:HeaderSize])
	for i, v := range h.Version {
		o.PutUint32(buf[4*i:], v)
	}
	o.PutUint32(buf[12:], h.DataSize)
	o.PutUint32(buf[16:], h.DataStart)
	o.PutUint32(buf[20:], h.TargetCount)
	o.PutUint32(buf[24:], uint32(h.OpenCount))
	o.PutUint32(buf[28:], h.Flags)
	o.PutUint32(buf[32:], h.EventNr)
	o.PutUint64(buf[40:], h.Dev)
	copy(buf[nameAt:nameAt+nameLen-1], h.Name)
	copy(buf[uuidAt:uuidAt+uuidLen-1], h.UUID)
}

// ParseHeader reads the header of a request or an answer.
func ParseHeader(buf []byte) (Header, error) {
	if len(buf) < HeaderSize {
		return Header{}, &DecodeError{What: "too short for its header", At: len(buf)}
	}
	o := binary.NativeEndian
	h := Header{
		Version:     [3]uint32{o.Uint32(buf), o.Uint32(buf[4:]), o.Uint32(buf[8:])},
		DataSize:    o.Uint32(buf[12:]),
		DataStart:   o.Uint32(buf[16:]),
		TargetCount: o.Uint32(buf[20:]),
		OpenCount:   int32(o.Uint32(buf[24:])),
		Flags:       o.Uint32(buf[28:]),
		EventNr:     o.Uint32(buf[32:]),
		Dev:         o.Uint64(buf[40:]),
		Name:        text(buf[nameAt : nameAt+nameLen]),
		UUID:        text(buf[uuidAt : uuidAt+uuidLen]),
	}
	return h, nil
}

// payload returns what follows the header.
func payload(buf []byte) (Header, []byte, error) {
	h, err := ParseHeader(buf)
	if err != nil {
		return Header{}, nil, err
	}
	end := min(uint64(h.DataSize), uint64(len(buf)))
	if uint64(h.DataStart) < HeaderSize || uint64(h.DataStart) > end {
		return Header{}, nil, &DecodeError{What: "payload out of bounds", At: int(min(uint64(h.DataStart), end))}
	}
	return h, buf[h.DataStart:end], nil
}

// text is what stands before the first NUL.
func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// MajorMinor takes a kernel dev number (huge_encode_dev) apart.
func MajorMinor(dev uint64) (major, minor uint32) {
	return uint32(dev>>8) & 0xfff, uint32(dev&0xff) | uint32(dev>>12)&0xfff00
}

// Dev is the inverse of [MajorMinor].
func Dev(major, minor uint32) uint64 {
	return uint64(minor&0xff) | uint64(major&0xfff)<<8 | uint64(minor&^0xff)<<12
}
