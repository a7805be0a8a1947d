package scsi

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lunsweep/lunsweep/internal/park"
)

// TestHeaderLayout compares with struct sg_io_hdr of scsi/sg.h, as a C compiler
// lays it out for 32 and for 64 bits.
func TestHeaderLayout(t *testing.T) {
	var h sgHdr
	got := map[string]uintptr{
		"size":            unsafe.Sizeof(h),
		"interface_id":    unsafe.Offsetof(h.interfaceID),
		"dxfer_direction": unsafe.Offsetof(h.dxferDirection),
		"cmd_len":         unsafe.Offsetof(h.cmdLen),
		"mx_sb_len":       unsafe.Offsetof(h.mxSbLen),
		"iovec_count":     unsafe.Offsetof(h.iovecCount),
		"dxfer_len":       unsafe.Offsetof(h.dxferLen),
		"dxferp":          unsafe.Offsetof(h.dxferp),
		"cmdp":            unsafe.Offsetof(h.cmdp),
		"sbp":             unsafe.Offsetof(h.sbp),
		"timeout":         unsafe.Offsetof(h.timeout),
		"flags":           unsafe.Offsetof(h.flags),
		"pack_id":         unsafe.Offsetof(h.packID),
		"usr_ptr":         unsafe.Offsetof(h.usrPtr),
		"status":          unsafe.Offsetof(h.status),
		"sb_len_wr":       unsafe.Offsetof(h.sbLenWr),
		"host_status":     unsafe.Offsetof(h.hostStatus),
		"driver_status":   unsafe.Offsetof(h.driverStatus),
		"resid":           unsafe.Offsetof(h.resid),
		"duration":        unsafe.Offsetof(h.duration),
		"info":            unsafe.Offsetof(h.info),
	}
	want := map[uintptr]map[string]uintptr{
		4: {
			"size": 64, "interface_id": 0, "dxfer_direction": 4, "cmd_len": 8, "mx_sb_len": 9, "iovec_count": 10,
			"dxfer_len": 12, "dxferp": 16, "cmdp": 20, "sbp": 24, "timeout": 28, "flags": 32, "pack_id": 36,
			"usr_ptr": 40, "status": 44, "sb_len_wr": 47, "host_status": 48, "driver_status": 50, "resid": 52,
			"duration": 56, "info": 60,
		},
		8: {
			"size": 88, "interface_id": 0, "dxfer_direction": 4, "cmd_len": 8, "mx_sb_len": 9, "iovec_count": 10,
			"dxfer_len": 12, "dxferp": 16, "cmdp": 24, "sbp": 32, "timeout": 40, "flags": 44, "pack_id": 48,
			"usr_ptr": 56, "status": 64, "sb_len_wr": 67, "host_status": 68, "driver_status": 70, "resid": 72,
			"duration": 76, "info": 80,
		},
	}[unsafe.Sizeof(uintptr(0))]
	require.Empty(t, cmp.Diff(want, got))
}

func TestRequestOnlyReads(t *testing.T) {
	r := newSGRequest(Command{CDB: vpdCDB(0x83, 252), Alloc: 252, Timeout: 30 * time.Second})
	require.Equal(t, int32('S'), r.hdr.interfaceID)
	require.Equal(t, int32(-3), r.hdr.dxferDirection, "from the device")
	require.Equal(t, uint32(252), r.hdr.dxferLen)
	require.Equal(t, unsafe.Pointer(&r.data[0]), r.hdr.dxferp)
	require.Equal(t, uint8(6), r.hdr.cmdLen)
	require.Equal(t, vpdCDB(0x83, 252), unsafe.Slice((*byte)(r.hdr.cmdp), 6))
	require.Equal(t, uint32(30_000), r.hdr.timeout)

	r = newSGRequest(Command{CDB: testUnitReadyCDB()})
	require.Equal(t, int32(-1), r.hdr.dxferDirection, "no data")
	require.Nil(t, r.hdr.dxferp)
	require.Equal(t, uint32(1), r.hdr.timeout, "0 would be the kernel's default of a minute")
}

func TestReply(t *testing.T) {
	r := newSGRequest(Command{CDB: inquiryCDB(36), Alloc: 36})
	copy(r.data, "0123456789")
	copy(r.sense[:], "sense")
	r.hdr.resid, r.hdr.sbLenWr, r.hdr.duration = 26, 5, 7
	r.hdr.status, r.hdr.hostStatus, r.hdr.driverStatus = 2, 1, 8
	want := Reply{Data: []byte("0123456789"), Status: 2, Host: 1, Driver: 8, Sense: []byte("sense"), Took: 7 * time.Millisecond}
	require.Empty(t, cmp.Diff(want, r.reply()))

	for resid, left := range map[int32]int{0: 36, 36: 0, 40: 0, -5: 36} {
		r.hdr.resid = resid
		require.Len(t, r.reply().Data, left, "residual count %d", resid)
	}
}

// openFDs counts this process' descriptors that lead to path.
func openFDs(t *testing.T, path string) int {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	n := 0
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && to == path {
			n++
		}
	}
	return n
}

// file is a path that no other test has open. It is no SCSI device.
func file(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sdi")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	return path
}

func TestOpenIsReadOnlyAndCloses(t *testing.T) {
	path := file(t)
	d, err := Open(t.Context(), path)
	require.NoError(t, err)
	require.Equal(t, path, d.Path())

	fd := d.transport.(*sg).node.fd
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	require.NoError(t, err)
	require.Equal(t, unix.O_RDONLY|unix.O_NONBLOCK, flags&(unix.O_ACCMODE|unix.O_NONBLOCK))
	flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	require.NoError(t, err)
	require.Equal(t, unix.FD_CLOEXEC, flags)

	err = d.TestUnitReady(t.Context())
	require.ErrorIs(t, err, errors.ErrUnsupported, "a file speaks no SG_IO")
	require.EqualError(t, err, "test unit ready "+path+": "+unix.ENOTTY.Error())

	require.Equal(t, 1, openFDs(t, path))
	require.NoError(t, d.Close())
	require.Equal(t, 0, openFDs(t, path))
	require.NoError(t, d.Close(), "twice is once")
	require.ErrorIs(t, d.TestUnitReady(t.Context()), fs.ErrClosed)
}

func TestOpenRefuses(t *testing.T) {
	_, err := Open(t.Context(), filepath.Join(t.TempDir(), "sdi"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	var failed *OpError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "open", failed.Op)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := file(t)
	_, err = Open(ctx, path)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 0, openFDs(t, path))
}

// The gate stands before the ioctl itself, behind every caller.
func TestTransportSendsOnlyWhatIsPermitted(t *testing.T) {
	d, err := Open(t.Context(), file(t))
	require.NoError(t, err)
	defer d.Close()
	for op := range 256 {
		cdb := make([]byte, 16)
		cdb[0] = byte(op)
		_, err := d.transport.Do(t.Context(), Command{CDB: cdb})
		if permitted(cdb) {
			require.ErrorIs(t, err, unix.ENOTTY, "opcode %02xh reaches the ioctl", op)
			continue
		}
		require.ErrorIs(t, err, fs.ErrPermission, "opcode %02xh", op)
	}
}

// stick makes a call under key that sleeps until release is closed, and that
// nobody waits for.
func stick(t *testing.T, lot *park.Lot, key string, release <-chan struct{}, call func()) {
	t.Helper()
	ctx, giveUp := context.WithCancel(t.Context())
	_, err := park.Do(ctx, lot, key, func() (int, error) {
		giveUp()
		<-release
		call()
		return 0, nil
	})
	require.ErrorIs(t, err, context.Canceled)
}

// A path that is stuck, in whatever call of whatever Device, is left alone.
func TestStuckNode(t *testing.T) {
	path := file(t)
	o := NewOpener(0)
	lot := o.opts.lot
	d, err := o.Open(t.Context(), path)
	require.NoError(t, err)

	n := d.transport.(*sg).node
	_, err = n.acquire()
	require.NoError(t, err)
	release := make(chan struct{})
	stick(t, lot, path, release, n.release) // stands for an ioctl that sleeps

	var stuck *park.StuckError
	require.ErrorAs(t, d.TestUnitReady(t.Context()), &stuck)
	_, err = o.Open(t.Context(), path)
	require.ErrorAs(t, err, &stuck)
	require.ErrorAs(t, d.Close(), &stuck)
	require.Equal(t, 1, openFDs(t, path), "a descriptor in use is not closed")

	close(release)
	require.Eventually(t, func() bool { return openFDs(t, path) == 0 }, 10*time.Second, time.Millisecond, "its last user closes it")
	require.Eventually(t, func() bool { return len(o.Stuck()) == 0 }, 10*time.Second, time.Millisecond)
}

func TestCloseWithAFullLot(t *testing.T) {
	path := file(t)
	o := NewOpener(1)
	lot := o.opts.lot
	d, err := o.Open(t.Context(), path)
	require.NoError(t, err)
	release := make(chan struct{})
	defer close(release)
	stick(t, lot, "another", release, func() {})

	var full *park.LimitError
	require.ErrorAs(t, d.TestUnitReady(t.Context()), &full)
	require.NoError(t, d.Close())
	require.Eventually(t, func() bool { return openFDs(t, path) == 0 }, 10*time.Second, time.Millisecond)
}

// An open that comes back after its caller has gone leaves nothing open.
func TestLateOpenIsClosed(t *testing.T) {
	path := file(t)
	n := &node{fd: -1, users: 1}
	n.abandon()
	require.NoError(t, n.open(path))
	require.Equal(t, 1, openFDs(t, path))
	n.release()
	require.Equal(t, 0, openFDs(t, path))
	_, err := n.acquire()
	require.ErrorIs(t, err, fs.ErrClosed)
}

// Nor does one that comes back in the moment in which its caller goes.
func TestOpenInTheLastMomentIsClosed(t *testing.T) {
	path := file(t)
	n := &node{fd: -1, users: 1}
	require.NoError(t, n.open(path))
	n.release()
	require.Equal(t, 1, openFDs(t, path))
	n.abandon()
	require.Eventually(t, func() bool { return openFDs(t, path) == 0 }, 10*time.Second, time.Millisecond)
}

// Of two Devices of one path, that whose command is not the one that is stuck is
// closed.
func TestCloseBesideAStuckDevice(t *testing.T) {
	path := file(t)
	o := NewOpener(0)
	d, err := o.Open(t.Context(), path)
	require.NoError(t, err)
	release := make(chan struct{})
	defer close(release)
	stick(t, o.opts.lot, path, release, func() {})

	var stuck *park.StuckError
	require.ErrorAs(t, d.Close(), &stuck)
	require.Eventually(t, func() bool { return openFDs(t, path) == 0 }, 10*time.Second, time.Millisecond)
}
