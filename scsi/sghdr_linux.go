package scsi

import (
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The parts of the kernel's scsi/sg.h, version 3, that are used here.
const (
	sgIO          = 0x2285 // ioctl SG_IO
	sgInterface   = 'S'
	sgDxferNone   = -1 // no data
	sgDxferToHost = -3 // SG_DXFER_FROM_DEV: data-in
	sgSenseRoom   = 252
)

// sgHdr is struct sg_io_hdr. Its layout follows the size of a pointer: 64 bytes
// with 32 bits, 88 with 64. The pointers are Go pointers, so that what they lead
// to lives as long as the kernel may write to it.
type sgHdr struct {
	interfaceID    int32
	dxferDirection int32
	cmdLen         uint8
	mxSbLen        uint8
	iovecCount     uint16
	dxferLen       uint32
	dxferp         unsafe.Pointer
	cmdp           unsafe.Pointer
	sbp            unsafe.Pointer
	timeout        uint32 // ms
	flags          uint32
	packID         int32
	usrPtr         unsafe.Pointer
	status         uint8
	maskedStatus   uint8
	msgStatus      uint8
	sbLenWr        uint8
	hostStatus     uint16
	driverStatus   uint16
	resid          int32
	duration       uint32 // ms
	info           uint32
}

// An sgRequest is one ioctl's header and everything that it points to.
type sgRequest struct {
	hdr   sgHdr
	cdb   [16]byte
	sense [sgSenseRoom]byte
	data  []byte
}

func newSGRequest(cmd Command) *sgRequest {
	r := &sgRequest{data: make([]byte, cmd.Alloc)}
	r.hdr = sgHdr{
		interfaceID:    sgInterface,
		dxferDirection: sgDxferNone,
		cmdLen:         uint8(copy(r.cdb[:], cmd.CDB)),
		cmdp:           unsafe.Pointer(&r.cdb[0]),
		mxSbLen:        sgSenseRoom,
		sbp:            unsafe.Pointer(&r.sense[0]),
		timeout:        uint32(max(1, cmd.Timeout.Milliseconds())),
	}
	if cmd.Alloc > 0 {
		r.hdr.dxferDirection = sgDxferToHost
		r.hdr.dxferLen = uint32(cmd.Alloc)
		r.hdr.dxferp = unsafe.Pointer(&r.data[0])
	}
	return r
}

// ioctl sends the request and sleeps until the kernel has an answer. A signal
// that cuts an sg node's wait short makes it send the command again, which a
// reading command bears.
func (r *sgRequest) ioctl(fd int) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(r)
	if len(r.data) > 0 {
		pin.Pin(&r.data[0])
	}
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), sgIO, uintptr(unsafe.Pointer(&r.hdr)))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
			continue
		}
		return errno
	}
}

// reply is what the kernel has written into the request.
func (r *sgRequest) reply() Reply {
	h := &r.hdr
	reply := Reply{
		Data:   r.data[:len(r.data)-min(len(r.data), max(0, int(h.resid)))],
		Status: h.status,
		Host:   h.hostStatus,
		Driver: h.driverStatus,
		Took:   time.Duration(h.duration) * time.Millisecond,
	}
	if n := min(int(h.sbLenWr), len(r.sense)); n > 0 {
		reply.Sense = r.sense[:n]
	}
	return reply
}
