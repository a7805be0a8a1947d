package multipath

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/dmioctl"
	"github.com/lunsweep/lunsweep/internal/park"
	"github.com/lunsweep/lunsweep/sysfs"
)

// DefaultDMControl is the device-mapper's control node.
const DefaultDMControl = "/dev/mapper/control"

// A Control carries one request to device-mapper and leaves the answer in buf,
// a struct dm_ioctl with its payload. cmd is the number of the command alone
// (package internal/dmioctl lists them). It need not end when ctx ends: the
// caller parks it.
type Control func(ctx context.Context, cmd uint32, buf []byte) error

// A DeviceMapper reads and changes multipath maps by ioctls on
// /dev/mapper/control, without multipathd. It only ever touches devices whose
// uuid begins with "mpath-" or "part<N>-mpath-", told by uuid and never by name.
//
// Everything needs CAP_SYS_ADMIN. Every ioctl ends with its context: one that
// does not come back is left behind, counted ([DeviceMapper.Stuck]), and not
// started a second time. Safe for concurrent use. Errors are *[CommandError].
type DeviceMapper struct {
	control Control
	closer  io.Closer
	lot     *park.Lot
}

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
		err = fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return errors.WithStack(&CommandError{Backend: "dm", Argv: []string{"open", path}, Err: err})
}

// Close closes the control node. Ioctls that are stuck keep their own hold.
func (d *DeviceMapper) Close() error {
	if d.closer == nil {
		return nil
	}
	return d.closer.Close()
}

// A StuckCall is an ioctl or a program that has not come back although nobody
// waits for it any more.
type StuckCall struct {
	What  string
	Since time.Time
	WChan string // the kernel function that it sleeps in; "" where that is not to be seen
}

// Stuck lists the ioctls that have not come back, oldest first.
func (d *DeviceMapper) Stuck() []StuckCall { return stuckIn(d.lot) }

func stuckIn(lot *park.Lot) []StuckCall {
	var calls []StuckCall
	for _, s := range lot.Stuck() {
		calls = append(calls, StuckCall{What: s.Key, Since: s.Since, WChan: s.WChan})
	}
	return calls
}

// Tables returns every multipath map of the host (DM_LIST_DEVICES, and for each
// DM_DEV_STATUS and DM_TABLE_STATUS), in the kernel's order. A map that
// vanishes meanwhile is left out.
func (d *DeviceMapper) Tables(ctx context.Context) ([]Table, error) {
	var tables []Table
	err := d.each(ctx, isMapUUID, func(h dmioctl.Header) error {
		t, err := d.Table(ctx, h.UUID)
		if err == nil {
			tables = append(tables, t)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return tables, nil
}

// Partitions returns every partition map of a multipath map, with its own open
// count: each adds one to that of the map it is on.
func (d *DeviceMapper) Partitions(ctx context.Context) ([]PartitionMap, error) {
	var parts []PartitionMap
	err := d.each(ctx, isPartitionUUID, func(h dmioctl.Header) error {
		parts = append(parts, PartitionMap{Name: sysfs.Unmangle(h.Name), UUID: h.UUID, Devt: devNum(h.Dev), OpenCount: int(h.OpenCount)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return parts, nil
}

// each calls fn for each device whose uuid is wanted; "no such device" is
// skipped.
func (d *DeviceMapper) each(ctx context.Context, want func(uuid string) bool, fn func(dmioctl.Header) error) error {
	_, buf, err := d.read(ctx, dmioctl.ListDevices, dmioctl.Header{})
	if err != nil {
		return err
	}
	names, err := dmioctl.ParseNames(buf)
	if err != nil {
		return dmError("list devices", "", err)
	}
	for _, n := range names {
		h, _, err := d.read(ctx, dmioctl.DevStatus, dmioctl.Header{Dev: n.Dev})
		if err == nil && want(h.UUID) {
			err = fn(h)
		}
		if err != nil && !errors.Is(err, ErrNoMap) {
			return err
		}
	}
	return nil
}

// Table returns the multipath map of that uuid ("mpath-" + WWID), or
// [ErrNoMap]. A uuid is taken as the kernel has it ([Table].UUID).
func (d *DeviceMapper) Table(ctx context.Context, uuid string) (Table, error) {
	if !isMapUUID(uuid) {
		return Table{}, dmError("table status", uuid, ErrForbidden)
	}
	const tries = 5
	for range tries - 1 {
		t, err := d.table(ctx, uuid)
		if !errors.Is(err, errChanged) {
			return t, err
		}
	}
	return d.table(ctx, uuid)
}

func (d *DeviceMapper) table(ctx context.Context, uuid string) (Table, error) {
	h, table, err := d.target(ctx, uuid, dmioctl.FlagStatusTable)
	if err != nil {
		return Table{}, err
	}
	t := Table{
		Name: sysfs.Unmangle(h.Name), UUID: h.UUID, Devt: devNum(h.Dev), OpenCount: int(h.OpenCount),
		ReadOnly:      h.Flags&dmioctl.FlagReadOnly != 0,
		Suspended:     h.Flags&dmioctl.FlagSuspend != 0,
		InactiveTable: h.Flags&dmioctl.FlagInactivePresent != 0,
		Target:        table.Type,
		Size:          table.Length * sectorSize,
	}
	if table.Type != "multipath" {
		return t, nil
	}
	_, status, err := d.target(ctx, uuid, 0)
	if err == nil {
		err = t.fill(table.Params, status.Params)
	}
	if err != nil {
		return Table{}, dmError("table status", uuid, err)
	}
	return t, nil
}

const sectorSize = 512

// target reads the map's first target; the zero Target stands for none. The
// flag "no flush" keeps a status from waiting for I/O.
func (d *DeviceMapper) target(ctx context.Context, uuid string, flags uint32) (dmioctl.Header, dmioctl.Target, error) {
	h, buf, err := d.read(ctx, dmioctl.TableStatus, dmioctl.Header{UUID: uuid, Flags: flags | dmioctl.FlagNoFlush})
	if err != nil {
		return h, dmioctl.Target{}, err
	}
	targets, err := dmioctl.ParseTargets(buf)
	if err != nil {
		return h, dmioctl.Target{}, dmError("table status", uuid, err)
	}
	if len(targets) == 0 {
		return h, dmioctl.Target{}, nil
	}
	return h, targets[0], nil
}

// UUID returns the uuid of the multipath map of that name, or [ErrNoMap]: there
// may be a map of that name which is not multipath's.
func (d *DeviceMapper) UUID(ctx context.Context, name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	h, _, err := d.read(ctx, dmioctl.DevStatus, dmioctl.Header{Name: mangle(name)})
	if err == nil && !isMapUUID(h.UUID) {
		err = dmError("device status", name, ErrNoMap)
	}
	return h.UUID, err
}

// FailIfNoPath sends the map the message fail_if_no_path (DM_TARGET_MSG): I/O
// that waits for a path fails at once, and so does all that follows.
// [ErrSuspended] if the map is suspended: [DeviceMapper.Resume] it first.
//
// A multipathd that runs does not know of it, and may switch queueing on again
// whenever it reloads the map: tell the daemon instead, if it answers.
func (d *DeviceMapper) FailIfNoPath(ctx context.Context, uuid string) error {
	return d.message(ctx, uuid, "fail_if_no_path")
}

// QueueIfNoPath sends the message queue_if_no_path: from now on I/O waits while
// no path is usable.
func (d *DeviceMapper) QueueIfNoPath(ctx context.Context, uuid string) error {
	return d.message(ctx, uuid, "queue_if_no_path")
}

func (d *DeviceMapper) message(ctx context.Context, uuid, text string) error {
	err := d.act(ctx, dmioctl.TargetMsg, dmioctl.Header{UUID: uuid}, dmioctl.Message(text))
	if errors.Is(err, syscall.EBUSY) || errors.Is(err, ErrInUse) {
		return dmError(text, uuid, ErrSuspended)
	}
	return err
}

// Resume resumes a suspended map (DM_DEV_SUSPEND without its suspend flag, for
// there is no way here to suspend one). A map that is not suspended stays as it
// is, except that a table which is loaded and not yet in force comes into force.
//
// udev is told as libmultipath tells it: this is the change of a table, and if
// no path is usable nobody may open the map. There is no semaphore to wait for.
func (d *DeviceMapper) Resume(ctx context.Context, uuid string) error {
	t, err := d.Table(ctx, uuid)
	if err != nil {
		return err
	}
	udev := uint32(dmioctl.UdevPrimarySource | dmioctl.UdevNoLibraryFallback | dmioctl.UdevMultipathReload)
	if t.Usable() == 0 {
		udev |= dmioctl.UdevMultipathNoPaths
	}
	return d.act(ctx, dmioctl.DevSuspend, dmioctl.Header{UUID: uuid, EventNr: udev << dmioctl.UdevShift}, nil)
}

// Remove removes the map (DM_DEV_REMOVE), by uuid. The kernel refuses with
// [ErrInUse] while anything has it open; it is never forced and never deferred.
// The gates beyond that (identity, ownership, evidence) are the caller's.
//
// The uevent of the removal carries no cookie: udev drops a device's links
// whatever the cookie says, and nobody waits for it here.
func (d *DeviceMapper) Remove(ctx context.Context, uuid string) error {
	return d.act(ctx, dmioctl.DevRemove, dmioctl.Header{UUID: uuid}, nil)
}

// RemovePartition is [DeviceMapper.Remove] for a partition map of a multipath
// map: uuid "part<N>-mpath-" + WWID.
func (d *DeviceMapper) RemovePartition(ctx context.Context, uuid string) error {
	if !isPartitionUUID(uuid) {
		return dmError("remove", uuid, ErrForbidden)
	}
	_, _, err := d.do(ctx, "remove "+uuid, dmioctl.DevRemove, dmioctl.Header{UUID: uuid}, nil)
	return err
}

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
