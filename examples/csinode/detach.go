package main

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// detach takes a volume that is alive off this host, in the order that loses no
// data: its map is flushed, which multipathd refuses while anybody has it open,
// and only when the map is gone each disk is deleted. udev may look at the
// device for a moment after it was unmounted, so it is tried for a while.
func (n *node) detach(ctx context.Context, v volume) error {
	inUse := func(err error) bool {
		var e *remediate.InUseError
		return errors.As(err, &e) || errors.Is(err, multipath.ErrInUse)
	}
	return until(ctx, 10*time.Second, inUse, func(ctx context.Context) error { return n.detachOnce(ctx, v) })
}

func (n *node) detachOnce(ctx context.Context, v volume) error {
	sv, err := n.sweeper.Survey(ctx)
	if err != nil {
		return err
	}
	d, found := sv.Find(v.WWID)
	if !found {
		return nil
	}
	if len(d.InUse) > 0 {
		return errors.WithStack(&remediate.InUseError{WWID: v.WWID, Users: d.InUse})
	}
	var disks []*sysfs.Pin
	for _, p := range d.Paths {
		pin, err := n.hold(ctx, v, p)
		if err != nil {
			return err
		}
		defer pin.Close()
		disks = append(disks, pin)
	}
	if err := n.flush(ctx, d); err != nil {
		return err
	}
	for _, pin := range disks {
		if err := n.deleteDisk(ctx, v, pin); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return n.gone(ctx, v)
}

// hold opens the directory of a disk, and makes sure that it is the volume's: by
// the time the map is flushed, its name and address may be another's.
func (n *node) hold(ctx context.Context, v volume, p remediate.Path) (*sysfs.Pin, error) {
	pin, err := n.system.FS.Pin(ctx, p.HCTL)
	if err != nil {
		return nil, err
	}
	d, err := pin.Device(ctx)
	if err == nil && !v.is(d.VPD83) || p.Identity == remediate.IdentityMismatch {
		err = errors.WithStack(&remediate.StaleError{What: p.Dev, Want: v.WWID, Found: "another LU"})
	}
	if err != nil {
		pin.Close()
		return nil, err
	}
	return pin, nil
}

// is reports whether a page 0x83 names the volume.
func (v volume) is(page83 []byte) bool {
	name, err := scsi.ParseName(v.WWID)
	ids, perr := scsi.ParseDesignators(page83)
	return err == nil && perr == nil && name.In(ids)
}

// flush removes the map. It is told by name, so the name must be this map's up
// to that moment, and the kernel is believed, not the answer.
func (n *node) flush(ctx context.Context, d remediate.Device) error {
	if d.Map == nil {
		return nil
	}
	t, err := n.system.Kernel.Table(ctx, d.Map.UUID)
	switch {
	case errors.Is(err, multipath.ErrNoMap):
		return nil
	case err != nil:
		return err
	case t.Name != d.Map.Name:
		return errors.WithStack(&remediate.StaleError{What: "map " + d.Map.UUID, Want: d.Map.Name, Found: t.Name})
	}
	said := n.system.Daemon.Flush(ctx, t.Name)
	_, err = n.system.Kernel.Table(ctx, d.Map.UUID)
	switch {
	case errors.Is(err, multipath.ErrNoMap):
		return nil
	case said != nil:
		return said
	case err != nil:
		return err
	}
	return errors.WithStack(&remediate.RemainsError{WWID: d.WWID, Remains: []string{"map " + d.Map.Name}})
}

// deleteDisk deletes a disk that nothing stands on any more.
func (n *node) deleteDisk(ctx context.Context, v volume, pin *sysfs.Pin) error {
	d, err := pin.Device(ctx)
	if err != nil {
		return err
	}
	b, err := n.system.FS.Block(ctx, d.Block)
	if err != nil {
		return err
	}
	if len(b.Holders) > 0 {
		return errors.WithStack(&remediate.InUseError{WWID: v.WWID, Users: []remediate.Use{
			{Kind: remediate.UseHolder, By: b.Holders[0], Detail: fmt.Sprintf("on %s", d.Block)},
		}})
	}
	return pin.Delete(ctx)
}

// gone waits until nothing on this host names the volume.
func (n *node) gone(ctx context.Context, v volume) error {
	remains := func(err error) bool { var e *remediate.RemainsError; return errors.As(err, &e) }
	return until(ctx, 10*time.Second, remains, func(ctx context.Context) error {
		all, err := n.sweeper.Verify(ctx, remediate.Target{WWID: v.WWID})
		if err == nil && !all[0].Gone {
			err = errors.WithStack(&remediate.RemainsError{WWID: v.WWID, Remains: all[0].Remains})
		}
		return err
	})
}
