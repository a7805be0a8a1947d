package scsi

import (
	"context"
	"io"
	"slices"
	"time"

	stderrors "errors"

	"github.com/pkg/errors"
)

// A Device is one logical unit that can be asked, as it is reached over one
// path. It is safe for concurrent use.
type Device struct {
	transport Transport
	path      string
	opts      options
	turn      chan struct{} // held while a command is under way
}

// New returns a Device that asks over t. Nothing is sent yet. Close closes t if
// it is an [io.Closer].
func New(t Transport, opts ...Option) *Device { return newDevice(t, "", newOptions(opts)) }

func newDevice(t Transport, path string, o options) *Device {
	return &Device{transport: t, path: path, opts: o, turn: make(chan struct{}, 1)}
}

// Open is [Opener.Open] by an Opener of its own: for a program that asks a device
// or two and ends.
func Open(ctx context.Context, path string, opts ...Option) (*Device, error) {
	return NewOpener(0, opts...).Open(ctx, path)
}

// Close gives the device node back. A command that is still stuck keeps it open
// until it returns.
func (d *Device) Close() error {
	if c, ok := d.transport.(io.Closer); ok {
		return d.opError("close", c.Close())
	}
	return nil
}

// Path is the device node that was opened, or "" for a Device from [New].
func (d *Device) Path() string { return d.path }

// TestUnitReady sends TEST UNIT READY (00h): nil means that the LU would carry
// out commands that need its medium. A LUN without a device behind it can be
// "ready" too (LIO's LUN 0 is), so ask [Device.Inquiry] as well.
//
// Errors are *[StatusError] and *[OpError].
func (d *Device) TestUnitReady(ctx context.Context) error {
	_, err := d.send(ctx, "test unit ready", testUnitReadyCDB(), 0)
	return err
}

// Inquiry sends INQUIRY (12h) for the standard data.
//
// Errors are *[StatusError], *[OpError] and *[DecodeError].
func (d *Device) Inquiry(ctx context.Context) (Inquiry, error) {
	b, err := d.send(ctx, "inquiry", inquiryCDB(inquiryLen), inquiryLen)
	if err != nil {
		return Inquiry{}, err
	}
	i, err := ParseInquiry(b)
	return i, d.named(err)
}

// ReportLUNs sends REPORT LUNS (A0h) and returns every LUN that the target
// shows to this host, in the target's order (which need not be rising) and in the
// form of the last number of H:C:T:L. Ask a LUN of the target that answers: LIO refuses it on an unmapped one with 05/25/00, but
// answers it on an unmapped LUN 0.
//
// Errors are *[StatusError], *[OpError] and *[DecodeError]. There is no partial
// list.
func (d *Device) ReportLUNs(ctx context.Context) ([]uint64, error) {
	const op = "report luns"
	b, err := d.whole(ctx, op, 1024, lunsLen, reportLUNsCDB)
	if err != nil {
		return nil, err
	}
	luns, err := ParseReportLUNs(b)
	return luns, d.named(err)
}

// VPD sends INQUIRY (12h) for a page of vital product data and returns it
// whole, header included; it asks again with more room where the page is
// longer. It checks that the page is the one asked for: devices without such
// pages answer with their standard data instead.
//
// Errors are *[StatusError] (05/24/00 where there is no such page), *[OpError]
// and *[DecodeError].
func (d *Device) VPD(ctx context.Context, page byte) ([]byte, error) {
	cdb := func(alloc int) []byte { return vpdCDB(page, alloc) }
	b, err := d.whole(ctx, vpdOp(page), 252, vpdWant(page), cdb)
	if err != nil {
		return nil, err
	}
	b, err = ParseVPD(b, page)
	return b, d.named(err)
}

// SupportedPages asks for page 0x00: the codes of the pages that there are.
func (d *Device) SupportedPages(ctx context.Context) ([]byte, error) {
	return page(ctx, d, PageSupported, ParseSupportedPages)
}

// SerialNumber asks for page 0x80: the unit serial number, trimmed.
func (d *Device) SerialNumber(ctx context.Context) (string, error) {
	return page(ctx, d, PageSerial, ParseSerial)
}

// Designators asks for page 0x83: every name the device has, for [WWIDs] and
// [SameLU].
func (d *Device) Designators(ctx context.Context) ([]Designator, error) {
	return page(ctx, d, PageDeviceID, ParseDesignators)
}

// page asks for one page and decodes it.
func page[T any](ctx context.Context, d *Device, code byte, parse func([]byte) (T, error)) (T, error) {
	b, err := d.VPD(ctx, code)
	if err != nil {
		var zero T
		return zero, err
	}
	v, err := parse(b)
	return v, d.named(err)
}

// whole asks with room for alloc bytes, and again with more as long as the
// answer says that it is longer than that.
func (d *Device) whole(ctx context.Context, op string, alloc int, length func([]byte) int, cdb func(alloc int) []byte) ([]byte, error) {
	const tries, most = 4, 1 << 20
	for try := 1; ; try++ {
		b, err := d.send(ctx, op, cdb(alloc), alloc)
		if err != nil {
			return nil, err
		}
		want := length(b)
		if want <= alloc || want > most || try == tries {
			return b, nil
		}
		alloc = want
	}
}

// The limits on sending a command again.
const (
	maxAttentions = 8 // one command can be answered by several, one for each event
	maxBusies     = 5
	busyPause     = 50 * time.Millisecond
)

// send sends a command until it is carried out: again at once after a unit
// attention, again after a pause where the LU is busy, a few times each.
func (d *Device) send(ctx context.Context, op string, cdb []byte, alloc int) ([]byte, error) {
	for attentions, busies := 0, 0; ; {
		r, err := d.once(ctx, op, cdb, alloc)
		if err != nil {
			return nil, err
		}
		err = statusOf(op, r)
		var status *StatusError
		switch {
		case err == nil:
			return r.Data, nil
		case !stderrors.As(err, &status):
			return nil, d.named(err)
		case status.attention() && attentions < maxAttentions:
			attentions++
			d.notice(status.Sense)
		case status.busy() && busies < maxBusies:
			busies++
			if waitErr := sleep(ctx, busyPause<<busies); waitErr != nil {
				return nil, d.named(err) // what the LU said says more than that time is up
			}
		default:
			return nil, d.named(err)
		}
	}
}

// once sends a command once, when it is its turn.
func (d *Device) once(ctx context.Context, op string, cdb []byte, alloc int) (Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, d.opts.timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return Reply{}, d.opError(op, err)
	}
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-ctx.Done():
		return Reply{}, d.opError(op, ctx.Err())
	}
	r, err := d.transport.Do(ctx, Command{
		CDB:     slices.Clone(cdb),
		Alloc:   alloc,
		Timeout: max(kernelTimeout, d.opts.timeout),
	})
	return r, d.opError(op, err)
}

func (d *Device) notice(s Sense) {
	if d.opts.attention != nil && !s.Deferred {
		d.opts.attention(s)
	}
}

// opError is nil for nil.
func (d *Device) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	return errors.WithStack(&OpError{Op: op, Path: d.path, Err: err})
}

// named says in the error's text which device it was.
func (d *Device) named(err error) error {
	if err == nil || d.path == "" {
		return err
	}
	return errors.WithMessage(err, d.path)
}

// sleep waits, or returns ctx's error as soon as that ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
