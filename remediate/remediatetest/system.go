package remediatetest

import (
	"time"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/sysfs"
)

// System is the host as package remediate stands on it. multipathd is spoken to
// by its programs. Every call makes a system of its own, as every process has
// one: what is stuck in one is not known to the other.
func (h *Host) System() remediate.System {
	p := h.start()
	files, err := sysfs.New(h.Tree(), sysfs.WithWrite(p.attribute))
	h.check(err)
	kernel, err := multipath.OpenDeviceMapper("", multipath.WithControl(p.control))
	h.check(err)
	return remediate.System{
		FS:     files,
		Daemon: multipath.NewCommand(p.run),
		Kernel: kernel,
		Reader: blockprobe.New(blockprobe.WithTimeout(h.patience), blockprobe.WithRead(p.read), blockprobe.WithClaim(p.claim)),
		OpenLU: p.openLU,
	}
}

// Patience bounds a read and a SCSI command of the systems that are made from
// now on: 5 s unless told.
func (h *Host) Patience(d time.Duration) { h.set(func() { h.patience = d }) }

// SystemDM is [Host.System] without multipathd and its programs: device-mapper
// is spoken to directly.
func (h *Host) SystemDM() remediate.System {
	sys := h.System()
	if kernel, ok := sys.Kernel.(*multipath.DeviceMapper); ok {
		sys.Daemon = multipath.NewDM(kernel, sys.FS)
	}
	return sys
}
