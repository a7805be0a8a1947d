package multipath

import (
	"context"
	"io"
	"io/fs"
	"sync"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/dmioctl"
	"github.com/lunsweep/lunsweep/internal/park"
)

// A DMOption changes a [DeviceMapper].
type DMOption func(*DeviceMapper)

// WithControl replaces the control node, which is then not opened.
func WithControl(c Control) DMOption {
	return func(d *DeviceMapper) { d.control = c }
}

// OpenDeviceMapper opens the control node at path (see [DefaultDMControl])
// read-write and asks for its version (DM_VERSION). It matches
// [fs.ErrNotExist] where there is no device-mapper, [fs.ErrPermission] where it
// may not be used, and [errors.ErrUnsupported] on other systems than Linux.
func OpenDeviceMapper(path string, opts ...DMOption) (*DeviceMapper, error) {
	d := &DeviceMapper{lot: park.New(0, nil)}
	for _, opt := range opts {
		opt(d)
	}
	if d.control == nil {
		control, closer, err := openControl(path)
		if err != nil {
			return nil, openError(path, err)
		}
		d.control, d.closer = control, closer
	}
	if _, _, err := d.read(context.Background(), dmioctl.Version, dmioctl.Header{}); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// NewDeviceMapper is [OpenDeviceMapper] for a program that may be there before
// device-mapper is: the first request that finds the control node opens it. Until
// then every request fails as OpenDeviceMapper would, and changes nothing.
func NewDeviceMapper(path string) *DeviceMapper {
	late := &lateControl{path: path}
	return &DeviceMapper{control: late.carry, closer: late, lot: park.New(0, nil)}
}

// A lateControl is a control node that is opened when it is first needed.
type lateControl struct {
	path string

	mu      sync.Mutex
	control Control
	closer  io.Closer
}

func (l *lateControl) carry(ctx context.Context, cmd uint32, buf []byte) error {
	control, err := l.open()
	if err != nil {
		return err
	}
	return control(ctx, cmd, buf)
}

func (l *lateControl) open() (Control, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.control == nil {
		control, closer, err := openControl(l.path)
		if err != nil {
			return nil, openError(l.path, err)
		}
		l.control, l.closer = control, closer
	}
	return l.control, nil
}

// Close closes the node, where it is open.
func (l *lateControl) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closer == nil {
		return nil
	}
	return l.closer.Close()
}

// openError says that there is no device-mapper, which nobody can do without, or
// that it may not be used.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		err = ErrPermission
	case errors.Is(err, fs.ErrNotExist):
		err = &noMapperError{err}
	}
	return errors.WithStack(&CommandError{Backend: "dm", Argv: []string{"open", path}, Err: err})
}

// A noMapperError says that there is no control node, and why that may be.
// CommandError names its path.
type noMapperError struct{ err error }

func (e *noMapperError) Error() string {
	return "there is no device-mapper here: the module dm_mod (or dm_multipath) is not loaded, or this is a container without the host's /dev"
}

func (e *noMapperError) Unwrap() []error { return []error{ErrUnsupported, e.err} }

// Close closes the control node. Ioctls that are stuck keep their own hold.
func (d *DeviceMapper) Close() error {
	if d.closer == nil {
		return nil
	}
	return d.closer.Close()
}
