package multipath

import (
	"context"
	"io"
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

// A StuckCall is an ioctl, a program or a connect(2) that has not come back
// although nobody waits for it any more.
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
