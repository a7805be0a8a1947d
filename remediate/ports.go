package remediate

import (
	"context"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// daemon is multipathd, by whichever way it can be spoken to.
type daemon interface {
	Topology(ctx context.Context) (*multipath.Topology, error)
	Paths(ctx context.Context) ([]multipath.DaemonPath, error)
	DisableQueueing(ctx context.Context, name string) error
	RestoreQueueing(ctx context.Context, name string) error
	Flush(ctx context.Context, name string) error
	ForgetPath(ctx context.Context, dev string) error
	Backend() string
}

// kernelMaps is device-mapper itself.
type kernelMaps interface {
	Tables(ctx context.Context) ([]multipath.Table, error)
	Table(ctx context.Context, uuid string) (multipath.Table, error)
	Partitions(ctx context.Context) ([]multipath.PartitionMap, error)
	FailIfNoPath(ctx context.Context, uuid string) error
	QueueIfNoPath(ctx context.Context, uuid string) error
	Resume(ctx context.Context, uuid string) error
}

// logicalUnit is one LU, asked through one path.
type logicalUnit interface {
	Inquiry(ctx context.Context) (scsi.Inquiry, error)
	TestUnitReady(ctx context.Context) error
	Designators(ctx context.Context) ([]scsi.Designator, error)
	SerialNumber(ctx context.Context) (string, error)
	ReportLUNs(ctx context.Context) ([]uint64, error)
	Close() error
}

// reader is the bounded direct read, and the bounded look for exclusive claims.
type reader interface {
	Probe(ctx context.Context, t blockprobe.Target) blockprobe.Result
	Claimed(ctx context.Context, t blockprobe.Target) (bool, error)
	Stuck() []blockprobe.Stuck
}

// A System is what a [Sweeper] stands on: the host's file trees, multipathd,
// device-mapper, SCSI and block reads. [OpenSystem] makes the real one; package
// remediatetest makes simulated ones. Every field is required.
type System struct {
	FS     *sysfs.FS
	Daemon daemon
	Kernel kernelMaps
	Reader reader
	// OpenLU opens the disk node at path for SCSI commands.
	OpenLU func(ctx context.Context, path string) (*scsi.Device, error)

	disks   *scsi.Opener                                // OpenSystem's; nil on other systems
	hasNode func(ctx context.Context, dev string) error // whether a disk has its node under the root; nil on other systems
}

var (
	_ kernelMaps  = (*multipath.DeviceMapper)(nil)
	_ logicalUnit = (*scsi.Device)(nil)
	_ reader      = (*blockprobe.Prober)(nil)
)

func (s *System) complete() bool {
	return s.FS != nil && s.Daemon != nil && s.Kernel != nil && s.Reader != nil && s.OpenLU != nil
}
