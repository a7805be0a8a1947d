package sysfs

import (
	"context"
	"io/fs"
	"sync"
	"syscall"

	"github.com/lunsweep/lunsweep/internal/park"
)

// The states that [Pin.SetState] sets: the only two that the kernel takes.
const (
	StateOffline = "offline"
	StateRunning = "running"
)

// A Pin holds the sysfs directory of one SCSI device open. What is done through
// it is done to that device or to none: when the device has gone, every call
// gives an error that matches [fs.ErrNotExist], also when another device has
// got its address and names since.
//
// It does not keep the device from going. It is safe for concurrent use.
type Pin struct {
	fs   *FS
	hctl HCTL

	mu     sync.Mutex
	dir    dir
	users  int // the pin itself until it is closed, and calls that use dir
	closed bool
}

// Pin opens the directory /sys/bus/scsi/devices/<h>, and holds it open until
// [Pin.Close]. A device that is not there gives an error that matches
// [fs.ErrNotExist].
func (f *FS) Pin(ctx context.Context, h HCTL) (*Pin, error) {
	d, err := bounded(ctx, f, "directory of "+h.String(), func() (dir, error) {
		d, err := f.openSCSI(h)
		if err == nil && ctx.Err() != nil { // nobody waits for it any more
			d.close()
			err = ctx.Err()
		}
		return d, err
	})
	if err != nil {
		return nil, err
	}
	return &Pin{fs: f, hctl: h, dir: d, users: 1}, nil
}

// HCTL returns the address that the device was pinned at.
func (p *Pin) HCTL() HCTL { return p.hctl }

// Device reads the device again, through the held directory.
func (p *Pin) Device(ctx context.Context) (SCSIDevice, error) {
	return bounded(ctx, p.fs, p.dir.path, func() (SCSIDevice, error) {
		if err := p.acquire(); err != nil {
			return SCSIDevice{}, err
		}
		defer p.release()
		return readSCSIDevice(p.dir, p.hctl)
	})
}

// State reads the device's attribute state alone: "running", "offline", …
func (p *Pin) State(ctx context.Context) (string, error) {
	return bounded(ctx, p.fs, p.dir.join("state"), func() (string, error) {
		if err := p.acquire(); err != nil {
			return "", err
		}
		defer p.release()
		a := attrsOf(p.dir)
		defer a.free()
		return a.text("state"), a.err
	})
}

// SetState writes state, [StateOffline] or [StateRunning], and a newline to the
// device's attribute state. Needs root. "running" makes the kernel scan the device again,
// which takes as long as the device takes to answer.
func (p *Pin) SetState(ctx context.Context, state string) error {
	if state != StateOffline && state != StateRunning {
		return &fs.PathError{Op: "write", Path: p.dir.join("state"), Err: syscall.EINVAL}
	}
	return p.write(ctx, "state", state)
}

// Delete writes "1\n" to the device's attribute delete, which removes the device
// from the kernel. Needs root. The write comes back when the device has gone,
// which can take minutes while the kernel still waits for the target; it goes
// on when ctx has ended, and the error then names the kernel function it is in.
func (p *Pin) Delete(ctx context.Context) error { return p.write(ctx, "delete", "1") }

// Close lets the directory go, once what is still being done through it has come
// back. It can be called more than once.
func (p *Pin) Close() error {
	p.mu.Lock()
	already := p.closed
	p.closed = true
	p.mu.Unlock()
	if !already {
		p.release()
	}
	return nil
}

// write opens the attribute in the held directory and writes to it, on a
// goroutine that nobody waits for beyond ctx and that uses the pin itself.
func (p *Pin) write(ctx context.Context, attr, value string) error {
	if err := p.acquire(); err != nil {
		return err
	}
	defer p.release()
	_, err := park.Do(ctx, p.fs.writes, p.dir.join(attr), func() (struct{}, error) {
		if err := p.acquire(); err != nil {
			return struct{}{}, err // closed before it began
		}
		defer p.release()
		if err := ctx.Err(); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, p.writeNow(attr, value)
	})
	return err
}

// writeNow ends the value with a newline, as echo does: without one the kernel
// refuses every state as invalid.
func (p *Pin) writeNow(attr, value string) error {
	file, err := p.dir.openWrite(attr)
	if err != nil {
		return err
	}
	defer file.Close()
	return pathError("write", p.dir.join(attr), p.fs.write(file, []byte(value+"\n")))
}

func (p *Pin) acquire() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return &fs.PathError{Op: "open", Path: p.dir.path, Err: fs.ErrClosed}
	}
	p.users++
	return nil
}

func (p *Pin) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users--; p.users == 0 {
		p.dir.close()
	}
}
