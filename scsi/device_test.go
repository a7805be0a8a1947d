package scsi_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/scsireply"
	"github.com/lunsweep/lunsweep/scsi"
)

// A host is a Transport that a function answers for. It keeps what was sent.
type host struct {
	answer func(cdb []byte) scsi.Reply

	mu   sync.Mutex
	sent []string
	cmds []scsi.Command
}

func (h *host) Do(_ context.Context, cmd scsi.Command) (scsi.Reply, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent = append(h.sent, fmt.Sprintf("% x", cmd.CDB))
	h.cmds = append(h.cmds, cmd)
	return h.answer(cmd.CDB), nil
}

// unit is a host that shows u.
func unit(u *scsireply.Unit) *host {
	return &host{answer: func(cdb []byte) scsi.Reply {
		a := u.Answer(cdb)
		return scsi.Reply{Data: a.Data, Status: a.Status, Sense: a.Sense}
	}}
}

// inTurn is a host that gives these answers one after another, then the last.
func inTurn(answers ...scsi.Reply) *host {
	return &host{answer: func([]byte) scsi.Reply {
		r := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		return r
	}}
}

func check(sense []byte) scsi.Reply { return scsi.Reply{Status: 2, Driver: 8, Sense: sense} }

var (
	naa  = []byte{0x60, 0x01, 0x40, 0x5a, 0xa0, 0x0b, 0xb1, 0x1c, 0xc2, 0x2d, 0xd3, 0x10, 0, 0, 0, 0}
	disk = scsireply.Unit{
		Vendor: "LIO-ORG", Product: "FILEIO", Revision: "4.0", Serial: "aa00bb",
		Designators: [][]byte{scsireply.NAA(naa), scsireply.Port(1)},
		LUNs:        []uint64{1, 0, 2},
	}
)

func TestDeviceAsksADisk(t *testing.T) {
	u := disk
	h := unit(&u)
	d := scsi.New(h)
	ctx := t.Context()

	require.NoError(t, d.TestUnitReady(ctx))
	inquiry, err := d.Inquiry(ctx)
	require.NoError(t, err)
	require.Equal(t, scsi.Inquiry{Vendor: "LIO-ORG", Product: "FILEIO", Revision: "4.0"}, inquiry)
	pages, err := d.SupportedPages(ctx)
	require.NoError(t, err)
	require.Equal(t, []byte{0, 0x80, 0x83}, pages)
	serial, err := d.SerialNumber(ctx)
	require.NoError(t, err)
	require.Equal(t, "aa00bb", serial)
	ds, err := d.Designators(ctx)
	require.NoError(t, err)
	require.Equal(t, "36001405aa00bb11cc22dd31000000000", scsi.WWID(ds, "", "", ""))
	luns, err := d.ReportLUNs(ctx)
	require.NoError(t, err)
	require.Equal(t, []uint64{1, 0, 2}, luns)
	require.NoError(t, d.Close())
	require.Empty(t, d.Path())

	// As sg_turs, sg_inq, sg_vpd and sg_luns of sg3_utils send them.
	want := []string{
		"00 00 00 00 00 00",
		"12 00 00 00 24 00",
		"12 01 00 00 fc 00",
		"12 01 80 00 fc 00",
		"12 01 83 00 fc 00",
		"a0 00 00 00 00 00 00 00 04 00 00 00",
	}
	require.Empty(t, cmp.Diff(want, h.sent))
	for _, cmd := range h.cmds {
		require.Equal(t, 30*time.Second, cmd.Timeout, "the kernel is more patient than the caller")
	}
	require.Equal(t, []int{0, 36, 252, 252, 252, 1024}, []int{
		h.cmds[0].Alloc, h.cmds[1].Alloc, h.cmds[2].Alloc, h.cmds[3].Alloc, h.cmds[4].Alloc, h.cmds[5].Alloc})
}

func TestDeviceAsksAgainForWhatIsLonger(t *testing.T) {
	u := disk
	for i := range 300 {
		u.LUNs = append(u.LUNs, uint64(i))
		if i < 30 {
			u.Designators = append(u.Designators, scsireply.Port(uint16(i)), scsireply.NAA(naa))
		}
	}
	h := unit(&u)
	d := scsi.New(h)
	ds, err := d.Designators(t.Context())
	require.NoError(t, err)
	require.Len(t, ds, 62)
	luns, err := d.ReportLUNs(t.Context())
	require.NoError(t, err)
	require.Equal(t, u.LUNs, luns)
	require.Equal(t, []string{
		"12 01 83 00 fc 00", "12 01 83 03 68 00",
		"a0 00 00 00 00 00 00 00 04 00 00 00", "a0 00 00 00 00 00 00 00 09 80 00 00",
	}, h.sent)
}

// A list that grows whenever it is asked for is never whole.
func TestDeviceGivesUpOnAListThatKeepsGrowing(t *testing.T) {
	n := 200
	h := &host{}
	h.answer = func(cdb []byte) scsi.Reply {
		ask, err := scsireply.Read(cdb)
		require.NoError(t, err)
		n *= 2
		return scsi.Reply{Data: scsireply.LUNs(make([]uint64, n)...)[:ask.Alloc]}
	}
	_, err := scsi.New(h).ReportLUNs(t.Context())
	var decode *scsi.DecodeError
	require.ErrorAs(t, err, &decode)
	require.Len(t, h.sent, 4)
}

func TestDeviceWithoutPages(t *testing.T) {
	standard := scsireply.Inquiry(0, 0, "OLD", "DISK", "1")
	_, err := scsi.New(inTurn(scsi.Reply{Data: standard})).Designators(t.Context())
	requireDecodeError(t, err, "vpd page 83h: page code 00h")

	u := disk
	_, err = scsi.New(unit(&u)).VPD(t.Context(), 0xb0)
	require.EqualError(t, err, "inquiry vpd b0h: sense 05/24/00 invalid field in cdb")
}

func TestLostLUN0(t *testing.T) {
	d := scsi.New(unit(scsireply.LostLUN0(2)))
	require.NoError(t, d.TestUnitReady(t.Context()), "ready, although there is nothing")
	inquiry, err := d.Inquiry(t.Context())
	require.NoError(t, err)
	require.False(t, inquiry.Connected())
	ds, err := d.Designators(t.Context())
	require.NoError(t, err)
	require.Empty(t, scsi.WWIDs(ds, inquiry.Vendor, inquiry.Product, ""))
}

// methods are all that send something.
func methods() map[string]func(context.Context, *scsi.Device) error {
	return map[string]func(context.Context, *scsi.Device) error{
		"test unit ready": func(ctx context.Context, d *scsi.Device) error { return d.TestUnitReady(ctx) },
		"inquiry":         func(ctx context.Context, d *scsi.Device) error { _, err := d.Inquiry(ctx); return err },
		"inquiry vpd 00h": func(ctx context.Context, d *scsi.Device) error { _, err := d.SupportedPages(ctx); return err },
		"inquiry vpd 80h": func(ctx context.Context, d *scsi.Device) error { _, err := d.SerialNumber(ctx); return err },
		"inquiry vpd 83h": func(ctx context.Context, d *scsi.Device) error { _, err := d.Designators(ctx); return err },
		"report luns":     func(ctx context.Context, d *scsi.Device) error { _, err := d.ReportLUNs(ctx); return err },
	}
}

func TestStatus(t *testing.T) {
	tests := []struct {
		name  string
		reply scsi.Reply
		text  string // after the method's name; "" for good
		gone  bool
		lost  bool
		noone bool
	}{
		{"unmapped lun of lio", check(unhex(t, unmappedSense)), "sense 05/25/00 logical unit not supported", true, false, false},
		{"the same in descriptor format", check(scsireply.DescriptorSense(5, 0x25, 0)), "sense 05/25/00 logical unit not supported", true, false, false},
		{"no driver status, as since linux 5.14", scsi.Reply{Status: 2, Sense: scsireply.NotSupported()}, "sense 05/25/00 logical unit not supported", true, false, false},
		{"sense beside a host status", scsi.Reply{Status: 2, Host: 7, Sense: scsireply.NotSupported()}, "host status 07h error", false, true, false},
		{"max_luns of scsi_debug", scsi.Reply{Host: 1}, "host status 01h no connect", false, true, true},
		{"transport disrupted", scsi.Reply{Host: 0xe}, "host status 0eh transport disrupted", false, true, false},
		{"unknown host status", scsi.Reply{Host: 0x99}, "host status 99h", false, true, false},
		{"other illegal request", check(scsireply.FixedSense(5, 0x25, 1)), "sense 05/25/01 illegal request", false, false, false},
		{"not ready", check(scsireply.FixedSense(2, 4, 0x0b)), "sense 02/04/0b logical unit not accessible, target port in standby state", false, false, false},
		{"reservation conflict", scsi.Reply{Status: 0x18}, "status 18h reservation conflict", false, false, false},
		{"check condition without sense", scsi.Reply{Status: 2}, "status 02h check condition without sense", false, false, false},
		{"check condition with nonsense", scsi.Reply{Status: 2, Sense: []byte{1, 2, 3}}, "status 02h check condition without sense", false, false, false},
		{"unknown status", scsi.Reply{Status: 0x77}, "status 77h", false, false, false},
		{"driver time-out before linux 5.14", scsi.Reply{Driver: 6}, "driver status 06h", false, false, false},
	}
	for _, tt := range tests {
		for op, method := range methods() {
			t.Run(tt.name+"/"+op, func(t *testing.T) {
				h := inTurn(tt.reply)
				err := method(t.Context(), scsi.New(h))
				require.EqualError(t, err, op+": "+tt.text)
				var status *scsi.StatusError
				require.ErrorAs(t, err, &status)
				require.Equal(t, [3]bool{tt.gone, tt.lost, tt.noone}, [3]bool{status.NotSupported(), status.Lost(), status.NoConnect()})
				require.Equal(t, tt.reply.Sense, status.Raw)
				require.Equal(t, op, status.Op)
				require.Len(t, h.sent, 1, "not sent again")
			})
		}
	}
}

// A deferred error is about another command, whatever it says.
func TestDeferredSenseSaysNothingOfThisCommand(t *testing.T) {
	deferred := scsireply.NotSupported()
	deferred[0] = 0x71
	require.NoError(t, scsi.New(inTurn(check(deferred), scsi.Reply{})).TestUnitReady(t.Context()))

	err := scsi.New(inTurn(check(deferred))).TestUnitReady(t.Context())
	var status *scsi.StatusError
	require.ErrorAs(t, err, &status)
	require.False(t, status.NotSupported())
}

func TestGoodEnough(t *testing.T) {
	for name, reply := range map[string]scsi.Reply{
		"recovered error":       check(scsireply.FixedSense(1, 0x17, 1)),
		"no sense":              check(scsireply.FixedSense(0, 0, 0)),
		"good with sense":       {Driver: 8, Sense: scsireply.FixedSense(0, 0, 0)},
		"good with driver word": {Driver: 8},
	} {
		require.NoError(t, scsi.New(inTurn(reply)).TestUnitReady(t.Context()), name)
	}
}

func TestUnitAttentionIsUsedUp(t *testing.T) {
	u := disk
	u.Attentions = [][]byte{scsireply.FixedSense(6, 0x29, 0), scsireply.LUNsChanged()}
	h := unit(&u)
	var seen []string
	d := scsi.New(h, scsi.WithAttention(func(s scsi.Sense) { seen = append(seen, s.String()) }))
	require.NoError(t, d.TestUnitReady(t.Context()))
	require.Len(t, h.sent, 3)
	require.Equal(t, []string{"06/29/00 power on, reset, or bus device reset occurred", "06/3f/0e reported luns data has changed"}, seen)
}

func TestUnitAttentionWithoutEnd(t *testing.T) {
	h := inTurn(check(scsireply.LUNsChanged()))
	err := scsi.New(h).TestUnitReady(t.Context())
	require.EqualError(t, err, "test unit ready: sense 06/3f/0e reported luns data has changed")
	require.Len(t, h.sent, 9)
}

func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		h := inTurn(scsi.Reply{Status: 0x08}, scsi.Reply{Status: 0x28}, scsi.Reply{})
		require.NoError(t, scsi.New(h).TestUnitReady(t.Context()))
		require.Equal(t, 300*time.Millisecond, time.Since(began))

		h = inTurn(scsi.Reply{Status: 0x08})
		require.EqualError(t, scsi.New(h).TestUnitReady(t.Context()), "test unit ready: status 08h busy")
		require.Len(t, h.sent, 6)

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		began = time.Now()
		err := scsi.New(inTurn(scsi.Reply{Status: 0x28})).TestUnitReady(ctx)
		require.EqualError(t, err, "test unit ready: status 28h task set full")
		require.Equal(t, 10*time.Millisecond, time.Since(began))
	})
}

func TestNothingIsSentUnderAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for op, method := range methods() {
		h := inTurn(scsi.Reply{})
		err := method(ctx, scsi.New(h))
		require.ErrorIs(t, err, context.Canceled)
		var failed *scsi.OpError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, op, failed.Op)
		require.Empty(t, h.sent)
	}
}

// waiting is a Transport that answers when its context ends.
type waiting struct{}

func (waiting) Do(ctx context.Context, _ scsi.Command) (scsi.Reply, error) {
	<-ctx.Done()
	return scsi.Reply{}, ctx.Err()
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for want, opts := range map[time.Duration][]scsi.Option{
			5 * time.Second: {scsi.WithTimeout(0)},
			7 * time.Second: {scsi.WithTimeout(7 * time.Second)},
		} {
			began := time.Now()
			err := scsi.New(waiting{}, opts...).TestUnitReady(t.Context())
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, want, time.Since(began))
		}
	})
}

func TestOneCommandAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := scsi.New(waiting{}, scsi.WithTimeout(time.Minute))
		go func() { _ = d.TestUnitReady(t.Context()) }() // it does not come back
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, d.TestUnitReady(ctx), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestTransportMayNotChangeWhatIsSentNext(t *testing.T) {
	h := inTurn(check(scsireply.LUNsChanged()), scsi.Reply{})
	answer := h.answer
	h.answer = func(cdb []byte) scsi.Reply {
		clear(cdb)
		cdb[0] = 0x2a
		return answer(cdb)
	}
	require.NoError(t, scsi.New(h).TestUnitReady(t.Context()))
	require.Equal(t, []string{"00 00 00 00 00 00", "00 00 00 00 00 00"}, h.sent)
}

func TestOpErrorMatches(t *testing.T) {
	tests := []struct {
		err     error
		matches []error
	}{
		{syscall.ENOENT, []error{fs.ErrNotExist}},
		{syscall.EACCES, []error{fs.ErrPermission}},
		{syscall.EPERM, []error{fs.ErrPermission}},
		{syscall.ENODEV, []error{fs.ErrNotExist}},
		{syscall.ENOTTY, []error{errors.ErrUnsupported}},
		{syscall.ENXIO, nil}, // offline, or gone
		{syscall.EIO, nil},
		{fs.ErrClosed, []error{fs.ErrClosed}},
		{context.DeadlineExceeded, []error{context.DeadlineExceeded}},
	}
	all := []error{fs.ErrNotExist, fs.ErrPermission, fs.ErrClosed, errors.ErrUnsupported, context.DeadlineExceeded, context.Canceled}
	for _, tt := range tests {
		err := error(&scsi.OpError{Op: "open", Path: "/dev/sdi", Err: tt.err})
		require.ErrorIs(t, err, tt.err)
		require.Equal(t, "open /dev/sdi: "+tt.err.Error(), err.Error())
		for _, target := range all {
			require.Equal(t, slices.Contains(tt.matches, target), errors.Is(err, target), "%v is %v", tt.err, target)
		}
	}
}
