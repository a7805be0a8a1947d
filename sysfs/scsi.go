package sysfs

import (
	"context"
	"slices"
	"strings"
)

const (
	busDir         = "bus"
	scsiDevicesDir = "bus/scsi/devices"
)

// A SCSIDevice is one device of /sys/bus/scsi/devices, as the kernel remembers
// it. WWID and the pages are from the last scan: after the LUN behind the
// address has become another one they are still those of the old.
type SCSIDevice struct {
	HCTL         HCTL
	State        string // state: "running", "offline", "blocked", "transport-offline", "cancel", …
	Type         int    // type: the peripheral device type, 0 for a disk
	Vendor       string // vendor, trimmed
	Model        string // model, trimmed
	Rev          string // rev, trimmed
	Block        string // block/*: the disk's kernel name, "" where no driver made one
	WWID         string // wwid: "naa.6001405…", "t10.…", trimmed; "" where there is none
	VPD80, VPD83 []byte // vpd_pg80, vpd_pg83: whole pages, header included; nil where there is none
}

// SCSIDevices reads every device of /sys/bus/scsi/devices, in the order of
// [HCTL.Compare]. A device that goes away meanwhile is left out. On a kernel
// without SCSI the list is empty; a root without /sys/bus is an error.
func (f *FS) SCSIDevices(ctx context.Context) ([]SCSIDevice, error) {
	return bounded(ctx, f, scsiDevicesDir, func() ([]SCSIDevice, error) {
		addresses, top, err := f.scsiAddresses()
		if err != nil || addresses == nil {
			return nil, err
		}
		defer top.close()
		return each(ctx, addresses, func(h HCTL) (SCSIDevice, bool, error) {
			d, err := top.sub(h.String())
			if err != nil {
				return presence(SCSIDevice{}, err)
			}
			defer d.close()
			return presence(readSCSIDevice(d, h))
		})
	})
}

// SCSIAddresses lists the devices of /sys/bus/scsi/devices, in the order of
// [HCTL.Compare], and reads nothing of them. Without SCSI the list is empty; a root
// without /sys/bus is an error.
func (f *FS) SCSIAddresses(ctx context.Context) ([]HCTL, error) {
	return bounded(ctx, f, "addresses of "+scsiDevicesDir, func() ([]HCTL, error) {
		addresses, top, err := f.scsiAddresses()
		if addresses != nil {
			top.close()
		}
		return addresses, err
	})
}

// scsiAddresses lists what is in /sys/bus/scsi/devices besides hosts and
// targets, and returns that directory open, unless the list is nil.
func (f *FS) scsiAddresses() ([]HCTL, dir, error) {
	top, err := openDir(f.Path(sysDir, scsiDevicesDir))
	if absent(err) {
		bus, err := openDir(f.Path(sysDir, busDir))
		if err == nil {
			bus.close()
		}
		return nil, dir{}, err
	}
	if err != nil {
		return nil, dir{}, err
	}
	names, err := top.names()
	addresses := make([]HCTL, 0, len(names))
	for _, name := range names {
		if h, err := ParseHCTL(name); err == nil {
			addresses = append(addresses, h)
		}
	}
	if err != nil || len(addresses) == 0 {
		top.close()
		return nil, dir{}, err
	}
	slices.SortFunc(addresses, HCTL.Compare)
	return addresses, top, nil
}

// SCSIDevice reads /sys/bus/scsi/devices/<h>. A device that is not there, or
// goes away meanwhile, gives an error that matches [fs.ErrNotExist].
func (f *FS) SCSIDevice(ctx context.Context, h HCTL) (SCSIDevice, error) {
	return bounded(ctx, f, scsiDevicesDir+"/"+h.String(), func() (SCSIDevice, error) {
		d, err := f.openSCSI(h)
		if err != nil {
			return SCSIDevice{}, err
		}
		defer d.close()
		return readSCSIDevice(d, h)
	})
}

// openSCSI opens the directory of a SCSI device.
func (f *FS) openSCSI(h HCTL) (dir, error) {
	return openDir(f.Path(sysDir, scsiDevicesDir, h.String()))
}

func readSCSIDevice(d dir, h HCTL) (SCSIDevice, error) {
	a := attrsOf(d)
	defer a.free()
	s := SCSIDevice{
		HCTL:   h,
		Type:   int(a.number("type")),
		Vendor: strings.TrimSpace(a.text("vendor")),
		Model:  strings.TrimSpace(a.text("model")),
		Rev:    strings.TrimSpace(a.text("rev")),
		WWID:   strings.TrimSpace(a.optional("wwid")),
		VPD80:  a.binary("vpd_pg80"),
		VPD83:  a.binary("vpd_pg83"),
		Block:  a.disk("block"),
		// Last: what still has a state has not gone meanwhile, so that what was
		// missing above was really not there.
		State: a.text("state"),
	}
	if a.err != nil {
		return SCSIDevice{}, a.err
	}
	return s, nil
}

// disk returns the one entry of a directory that not every device has.
func (a *attrs) disk(name string) string {
	if a.err != nil {
		return ""
	}
	names, err := list(a.dir, name)
	if err != nil || len(names) == 0 {
		if !absent(err) {
			a.err = err
		}
		return ""
	}
	return slices.Min(names)
}
