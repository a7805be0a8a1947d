package multipath

import (
	"context"
	"fmt"
	"strings"
	"syscall"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/dmioctl"
	"github.com/lunsweep/lunsweep/internal/park"
	"github.com/lunsweep/lunsweep/sysfs"
)

// act makes an ioctl that changes a map.
func (d *DeviceMapper) act(ctx context.Context, cmd uint32, h dmioctl.Header, payload []byte) error {
	if !isMapUUID(h.UUID) {
		return dmError(commandName(cmd), h.UUID, ErrForbidden)
	}
	_, _, err := d.do(ctx, commandName(cmd)+" "+h.UUID, cmd, h, payload)
	return err
}

// read makes an ioctl that changes nothing, with ever bigger buffers.
func (d *DeviceMapper) read(ctx context.Context, cmd uint32, h dmioctl.Header) (dmioctl.Header, []byte, error) {
	key := strings.Join([]string{commandName(cmd), h.UUID + h.Name, devNum(h.Dev).String()}, " ")
	const last = 16 << 20
	for size := roomFor(cmd); ; size *= 4 {
		answer, buf, err := d.doSized(ctx, key, cmd, h, nil, size)
		if err != nil || answer.Flags&dmioctl.FlagBufferFull == 0 {
			return answer, buf, err
		}
		if size >= last {
			return dmioctl.Header{}, nil, dmError(commandName(cmd), h.UUID, ErrReply)
		}
	}
}

// roomFor is how big a buffer for an answer is at first.
func roomFor(cmd uint32) int {
	switch cmd {
	case dmioctl.DevStatus, dmioctl.Version: // a header and nothing else
		return dmioctl.HeaderSize
	}
	return 16 << 10
}

func (d *DeviceMapper) do(ctx context.Context, key string, cmd uint32, h dmioctl.Header, payload []byte) (dmioctl.Header, []byte, error) {
	return d.doSized(ctx, key, cmd, h, payload, 4<<10)
}

// doSized makes one ioctl on a parked goroutine, which has the buffer to
// itself until it comes back.
func (d *DeviceMapper) doSized(ctx context.Context, key string, cmd uint32, h dmioctl.Header, payload []byte, size int) (dmioctl.Header, []byte, error) {
	buf, err := park.Do(ctx, d.lot, key, func() ([]byte, error) {
		buf := dmioctl.Request(h, payload, size)
		return buf, d.control(ctx, cmd, buf)
	})
	if err != nil {
		return dmioctl.Header{}, nil, dmError(commandName(cmd), h.UUID, err)
	}
	answer, err := dmioctl.ParseHeader(buf)
	if err != nil {
		return dmioctl.Header{}, nil, dmError(commandName(cmd), h.UUID, err)
	}
	return answer, buf, nil
}

func commandName(cmd uint32) string {
	switch cmd {
	case dmioctl.Version:
		return "version"
	case dmioctl.ListDevices:
		return "list devices"
	case dmioctl.DevRemove:
		return "remove"
	case dmioctl.DevSuspend:
		return "resume"
	case dmioctl.DevStatus:
		return "device status"
	case dmioctl.TableStatus:
		return "table status"
	case dmioctl.TargetMsg:
		return "message"
	}
	return fmt.Sprintf("command %d", cmd)
}

// dmError dresses err and gives the kernel's errnos their names here.
func dmError(op, subject string, err error) error {
	var c *CommandError
	if errors.As(err, &c) {
		return err
	}
	var stuck *park.StuckError
	uncertain := errors.As(err, &stuck)
	switch {
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV):
		err = ErrNoMap
	case errors.Is(err, syscall.EBUSY):
		err = ErrInUse
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		err = ErrPermission
	}
	argv := strings.Fields(op)
	if subject != "" {
		argv = append(argv, subject)
	}
	return errors.WithStack(&CommandError{Backend: "dm", Argv: argv, Uncertain: uncertain, Err: err})
}

func devNum(dev uint64) sysfs.DevNum {
	major, minor := dmioctl.MajorMinor(dev)
	return sysfs.DevNum{Major: major, Minor: minor}
}
