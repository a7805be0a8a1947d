package remediatetest

import (
	"context"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/lunsweep/lunsweep/internal/scsireply"
	"github.com/lunsweep/lunsweep/scsi"
)

// Linux host statuses (scsi/scsi_status.h).
const (
	didNoConnect         = 0x01
	didTransportFailfast = 0x0f
)

// A nexus carries SCSI commands to what a target has under a disk's LUN now.
type nexus struct {
	by   *program
	disk *disk
}

// openLU opens a disk's node as the kernel would let SG_IO do it.
func (p *program) openLU(ctx context.Context, path string) (*scsi.Device, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.disks[filepath.Base(path)]
	switch {
	case p.dead:
		return nil, &scsi.OpError{Op: "open", Path: path, Err: ErrCrashed}
	case ctx.Err() != nil:
		return nil, &scsi.OpError{Op: "open", Path: path, Err: ctx.Err()}
	case d == nil:
		return nil, &scsi.OpError{Op: "open", Path: path, Err: syscall.ENOENT}
	case !online(d.state):
		return nil, &scsi.OpError{Op: "open", Path: path, Err: syscall.ENXIO}
	}
	return scsi.New(&nexus{p, d}, scsi.WithTimeout(p.patience)), nil
}

// online is the kernel's scsi_device_online.
func online(state string) bool {
	return state != "offline" && state != "transport-offline" && state != "deleted"
}

// Do answers one command.
func (n *nexus) Do(ctx context.Context, cmd scsi.Command) (scsi.Reply, error) {
	if err := ctx.Err(); err != nil {
		return scsi.Reply{}, err
	}
	n.by.mu.Lock()
	defer n.by.mu.Unlock()
	t, d := n.disk.target, n.disk
	l := t.luns[d.hctl.LUN]
	switch {
	case n.by.dead:
		return scsi.Reply{}, ErrCrashed
	case d.gone:
		return scsi.Reply{}, syscall.ENODEV
	case !t.reachable():
		return scsi.Reply{Host: didTransportFailfast}, nil
	case l.state == vanished:
		return scsi.Reply{Host: didNoConnect}, nil
	}
	u := l.unit(t)
	u.Attentions = d.pending
	a := u.Answer(cmd.CDB)
	d.pending = u.Attentions
	r := scsi.Reply{Data: a.Data, Status: a.Status, Sense: a.Sense}
	if len(a.Sense) > 0 {
		r.Driver = 0x08 // DRIVER_SENSE
	}
	return r, nil
}

// unit is what answers under a LUN.
func (l *lun) unit(t *Target) *scsireply.Unit {
	switch l.state {
	case unmapped:
		return &scsireply.Unit{Gone: true}
	case disconnected:
		return scsireply.LostLUN0(t.inventory()...)
	}
	return &scsireply.Unit{
		Vendor: l.lu.vendor, Product: l.lu.product, Revision: "4.0", Serial: l.lu.serial,
		Designators: l.lu.designators(t), LUNs: t.inventory(),
	}
}

// inventory is the LUNs that the target lists.
func (t *Target) inventory() []uint64 {
	var out []uint64
	for n, l := range t.luns {
		if l.state == mapped {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func (t *Target) reachable() bool { return t.session == "" || t.state == loggedIn }

// tell leaves a unit attention for every path to the target: its LUNs changed.
func (h *Host) tell(t *Target) {
	for _, d := range h.disks {
		if d.target == t {
			d.pending = append(d.pending, scsireply.LUNsChanged())
		}
	}
}
