package multipath

import (
	"context"
	"fmt"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/sysfs"
)

// A DM is the client for a host without multipathd and without its programs:
// the topology is read from the kernel's tables and sysfs, and orders are
// ioctls. See [DeviceMapper] for privileges and bounds.
//
// Do not use it to give orders beside a multipathd that runs and answers: the
// daemon does not hear of them.
type DM struct {
	mapper *DeviceMapper
	sys    *sysfs.FS
}

// NewDM returns a client over mapper that finds the names of paths in sys.
func NewDM(mapper *DeviceMapper, sys *sysfs.FS) *DM { return &DM{mapper: mapper, sys: sys} }

// Backend returns "dm".
func (d *DM) Backend() string { return "dm" }

// Topology puts the kernel's tables ([DeviceMapper.Tables]) and sysfs together
// in the terms of multipath -ll. What only multipathd knows is empty: the
// priorities and the checkers' states. A path that has vanished from sysfs is
// there, as "#:#:#:#" and "-".
func (d *DM) Topology(ctx context.Context) (*Topology, error) {
	tables, err := d.mapper.Tables(ctx)
	if err != nil {
		return nil, err
	}
	disks, err := d.disks(ctx)
	if err != nil {
		return nil, err
	}
	t := &Topology{}
	for i := range tables {
		t.Maps = append(t.Maps, disks.mapOf(&tables[i]))
	}
	return t, nil
}

// Paths returns the paths in the kernel's multipath tables: what multipathd
// would have to know.
func (d *DM) Paths(ctx context.Context) ([]DaemonPath, error) {
	t, err := d.Topology(ctx)
	if err != nil {
		return nil, err
	}
	var paths []DaemonPath
	for i := range t.Maps {
		for p := range t.Maps[i].Each {
			if p.Dev() != unknownDev {
				paths = append(paths, DaemonPath{Dev: p.Dev(), HCTL: p.HCTL(), Map: t.Maps[i].Name, WWID: t.Maps[i].WWID})
			}
		}
	}
	return paths, nil
}

// DisableQueueing is [DeviceMapper.FailIfNoPath], by name.
func (d *DM) DisableQueueing(ctx context.Context, name string) error {
	uuid, err := d.mapper.UUID(ctx, name)
	if err != nil {
		return err
	}
	return d.mapper.FailIfNoPath(ctx, uuid)
}

// RestoreQueueing is [DeviceMapper.QueueIfNoPath], by name: unlike multipathd,
// it queues whatever multipath.conf says. Call it only for a map that queued
// before.
func (d *DM) RestoreQueueing(ctx context.Context, name string) error {
	uuid, err := d.mapper.UUID(ctx, name)
	if err != nil {
		return err
	}
	return d.mapper.QueueIfNoPath(ctx, uuid)
}

// ensureQueueing switches queueing on, unless it is. Where no path is usable it
// is left to the daemon, which may have counted no_path_retry down: what is
// switched on behind its back then stays on for ever.
func (d *DM) ensureQueueing(ctx context.Context, name string) error {
	uuid, err := d.mapper.UUID(ctx, name)
	if err != nil {
		return err
	}
	t, err := d.mapper.Table(ctx, uuid)
	if err != nil || t.Queueing || t.Usable() == 0 {
		return err
	}
	return d.mapper.QueueIfNoPath(ctx, uuid)
}

// Flush removes the map's own partition maps and then the map
// ([DeviceMapper.Remove]), unless one of them is open: then nothing is removed,
// and the error is [ErrInUse].
func (d *DM) Flush(ctx context.Context, name string) error {
	uuid, err := d.mapper.UUID(ctx, name)
	if err != nil {
		return err
	}
	parts, err := d.partitionsOf(ctx, uuid)
	if err != nil {
		return err
	}
	t, err := d.mapper.Table(ctx, uuid)
	if err != nil {
		return err
	}
	if t.OpenCount > len(parts) {
		return dmError("remove", uuid, ErrInUse)
	}
	for _, p := range parts {
		if err := d.mapper.RemovePartition(ctx, p.UUID); err != nil {
			return err
		}
	}
	return d.mapper.Remove(ctx, uuid)
}

// partitionsOf lists the partition maps of a map, all of them closed.
func (d *DM) partitionsOf(ctx context.Context, uuid string) ([]PartitionMap, error) {
	all, err := d.mapper.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	var own []PartitionMap
	for _, p := range all {
		switch {
		case p.Of() != uuid:
		case p.OpenCount > 0:
			return nil, dmError("remove", p.UUID, ErrInUse)
		default:
			own = append(own, p)
		}
	}
	return own, nil
}

// explain replaces the refusal of somebody's flush that came without a reason
// by what the kernel says of the map, if that is one.
func (d *DM) explain(ctx context.Context, name string, refusal error) error {
	uuid, err := d.mapper.UUID(ctx, name)
	if errors.Is(err, ErrNoMap) {
		return err
	}
	parts, err := d.partitionsOf(ctx, uuid)
	if errors.Is(err, ErrInUse) {
		return err
	}
	t, err := d.mapper.Table(ctx, uuid)
	if err == nil && t.OpenCount > len(parts) {
		return dmError("remove", uuid, ErrInUse)
	}
	return refusal
}

// ForgetPath does nothing: there is no daemon that would have to forget.
func (d *DM) ForgetPath(ctx context.Context, dev string) error {
	if err := ctx.Err(); err != nil {
		return dmError("forget", dev, err)
	}
	return checkDev(dev)
}

// What multipath prints for a path that sysfs does not know.
const (
	unknownDev  = "-"
	unknownHCTL = "#:#:#:#"
)

// diskTable finds disks by device number.
type diskTable struct {
	blocks map[sysfs.DevNum]sysfs.Block
	scsi   func(sysfs.HCTL) (sysfs.SCSIDevice, error)
}

func (d *DM) disks(ctx context.Context) (*diskTable, error) {
	blocks, err := d.sys.Blocks(ctx)
	if err != nil {
		return nil, dmError("list disks", "", err)
	}
	t := &diskTable{blocks: map[sysfs.DevNum]sysfs.Block{}, scsi: func(h sysfs.HCTL) (sysfs.SCSIDevice, error) { return d.sys.SCSIDevice(ctx, h) }}
	for _, b := range blocks {
		t.blocks[b.Devt] = b
	}
	return t, nil
}

func (d *diskTable) mapOf(t *Table) Map {
	m := mapWords{
		Name: t.Name, WWID: t.WWID(), DM: fmt.Sprintf("dm-%d", t.Devt.Minor),
		Size: humanSize(t.Size), Features: t.Features, Handler: t.Handler,
		Write: choose(t.ReadOnly, "ro", "rw"),
	}
	groups := make([]groupWords, len(t.Groups))
	for i, g := range t.Groups {
		groups[i] = groupWords{Policy: g.Selector, Status: g.State}
	}
	for _, p := range t.Paths {
		path, vendor, product := d.pathOf(p)
		if m.Vendor == "" {
			m.Vendor, m.Product = vendor, product
		}
		g := &groups[p.Group]
		g.Paths = append(g.Paths, path)
	}
	for _, g := range groups {
		m.Groups = append(m.Groups, newGroup(g))
	}
	made := newMap(m)
	made.Live = &MapState{State: choose(t.Suspended, "suspend", "active")}
	return made
}

func (d *diskTable) pathOf(p TablePath) (path pathWords, vendor, product string) {
	path = pathWords{
		HCTL: unknownHCTL, Dev: unknownDev, Devt: p.Devt.String(),
		DMState: choose(p.Failed, "failed", "active"), DevState: "unknown",
	}
	b, ok := d.blocks[p.Devt]
	if !ok {
		return path, "", ""
	}
	path.Dev = b.Name
	if b.SCSI == nil {
		return path, "", ""
	}
	path.HCTL = b.SCSI.String()
	if s, err := d.scsi(*b.SCSI); err == nil {
		path.DevState, vendor, product = s.State, s.Vendor, s.Model
	}
	return path, vendor, product
}

func choose(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// humanSize writes a size as multipath does: "8.0M", "576G".
func humanSize(bytes uint64) string {
	const units = "KMGTP"
	s, u := float64(bytes)/1024, 0
	for s >= 1024 && u < len(units)-1 {
		s, u = s/1024, u+1
	}
	if s < 10 {
		return fmt.Sprintf("%.1f%c", s, units[u])
	}
	return fmt.Sprintf("%.0f%c", s, units[u])
}
