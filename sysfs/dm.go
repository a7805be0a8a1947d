package sysfs

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"syscall"
)

// A DM is what sysfs says of a device-mapper device.
type DM struct {
	Name      string // dm/name, as it is printed: "my map"
	UUID      string // dm/uuid as the kernel has it; "" where the map was made without one
	Suspended bool   // dm/suspended
}

// The prefixes of dm uuids that multipath-tools gives: multipath itself to maps,
// kpartx ("part%d-") to their partitions.
const (
	mpathPrefix = "mpath-"
	partPrefix  = "part"
)

// Multipath returns the WWID of a multipath map, as it is printed: its uuid
// without "mpath-". It
// is false for every other device, partitions of multipath maps included, and
// for nil.
func (d *DM) Multipath() (wwid string, ok bool) {
	if d == nil {
		return "", false
	}
	wwid, ok = strings.CutPrefix(d.UUID, mpathPrefix)
	if !ok || wwid == "" {
		return "", false
	}
	return Unmangle(wwid), true
}

// Partition returns the uuid of the multipath map that d, made by kpartx, is a
// partition of: "mpath-3600…" for the uuid "part1-mpath-3600…". It is false for
// every other device, and for nil.
func (d *DM) Partition() (of string, ok bool) {
	if d == nil {
		return "", false
	}
	rest, ok := strings.CutPrefix(d.UUID, partPrefix)
	if !ok {
		return "", false
	}
	number, of, ok := strings.Cut(rest, "-")
	if _, isNumber := decimal(number, 32); !ok || !isNumber {
		return "", false
	}
	if wwid, isMap := strings.CutPrefix(of, mpathPrefix); !isMap || wwid == "" {
		return "", false
	}
	return of, true
}

// dm reads the subdirectory dm of a device-mapper device.
func (a *attrs) dm(name string) *DM {
	if a.err != nil {
		return nil
	}
	d := &DM{
		Name:      Unmangle(a.text(name + "/name")),
		UUID:      a.text(name + "/uuid"),
		Suspended: a.flag(name + "/suspended"),
	}
	a.err = dmGone(a.err)
	return d
}

// dmGone makes "not there" of EINVAL: what the attributes of a map answer that
// is just being removed, until they are gone themselves (dm_attr_show of the
// kernel's drivers/md/dm-sysfs.c).
func dmGone(err error) error {
	var pe *fs.PathError
	if !errors.Is(err, syscall.EINVAL) || !errors.As(err, &pe) {
		return err
	}
	return &fs.PathError{Op: pe.Op, Path: pe.Path, Err: &goneError{pe.Err}}
}

// Unmangle returns the printed form of a device-mapper name or uuid. The kernel
// is given, by libdevmapper, every byte but letters, digits and #+-.:=@_ as
// \xNN: the map "my map" is "my\x20map" to it. What is no such sequence stays.
func Unmangle(name string) string {
	var b strings.Builder
	for len(name) > 0 {
		if len(name) >= 4 && name[:2] == `\x` {
			if c, err := strconv.ParseUint(name[2:4], 16, 8); err == nil {
				b.WriteByte(byte(c))
				name = name[4:]
				continue
			}
		}
		b.WriteByte(name[0])
		name = name[1:]
	}
	return b.String()
}
