package sysfs

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

const configDir = "kernel/config"

// An Export is a block device that this host, as a storage target, serves to
// others. The kernel holds it open, and no holder or process shows.
type Export struct {
	Name string // in configfs, below kernel/config: "target/core/iblock_0/disk1"; or below /sys: "bus/xen-backend/devices/vbd-3-51712"
	Path string // what was to be exported: "/dev/sdb", also where that leads nowhere any more; "" where only Devt or HCTL tells
	Devt DevNum // zero where only Path or HCTL tells
	HCTL *HCTL  // of a SCSI device that is passed through, nil otherwise
}

// Exports reads the backstores of the kernel's SCSI target (LIO) and the
// namespaces of its NVMe target that are enabled, from configfs at /sys/kernel/config:
// target/core/*/*/{info,udev_path} and nvmet/subsystems/*/namespaces/*/device_path; and the disks of
// Xen guests, from /sys/bus/xen-backend/devices/*/physical_device. Where one of
// these targets is in the kernel (/sys/module) and its part of configfs is not to be seen,
// that is an error: what it exports cannot be told.
func (f *FS) Exports(ctx context.Context) ([]Export, error) {
	return bounded(ctx, f, "exports", func() ([]Export, error) {
		var out []Export
		backstores, err := f.configured("target_core_mod", "target/core/*/*/info")
		if err != nil {
			return nil, err
		}
		for _, e := range backstores {
			x, ok := parseBackstore(e.text)
			x.Name = strings.TrimSuffix(e.name, "/info")
			if strings.Contains(e.text, passedThrough) && x.HCTL == nil {
				if x.Path, err = f.udevPath(x.Name); err != nil {
					return nil, err
				}
				ok = x.Path != "" // a disk has one: the kernel opens it by that
			}
			if ok {
				out = append(out, f.exported(x))
			}
		}
		namespaces, err := f.configured("nvmet", "nvmet/subsystems/*/namespaces/*/device_path")
		if err != nil {
			return nil, err
		}
		for _, e := range namespaces {
			x := Export{Name: strings.TrimSuffix(e.name, "/device_path"), Path: strings.TrimSpace(e.text)}
			on, err := readFile(f.Path(sysDir, configDir, x.Name, "enable"))
			if err != nil && !notThere(err) || strings.HasPrefix(string(on), "1") {
				out = append(out, f.exported(x))
			}
		}
		guests, err := f.xenBackends()
		return append(out, guests...), errors.Join(err, ctx.Err())
	})
}

// passedThrough is in the info of what is passed through as a SCSI device. In physical HBA
// mode (hba_mode) its address has no host there.
const passedThrough = "SCSI Device Bus Location:"

// udevPath is the path by which a backstore was configured: its attribute udev_path.
func (f *FS) udevPath(backstore string) (string, error) {
	file := f.Path(sysDir, configDir, backstore, "udev_path")
	text, err := readFile(file)
	if err != nil {
		return "", err
	}
	path := strings.TrimSpace(string(text))
	if path != "" && !strings.HasPrefix(path, "/") {
		return "", badText("path of what is exported", path)
	}
	return path, nil
}

// xenDir has the disks that this host serves to Xen guests.
const xenDir = "bus/xen-backend/devices"

// xenBackends reads what xen-blkback serves: vbd-*/physical_device, "8:80" in hex. It
// opens the device from within the kernel and claims nothing.
func (f *FS) xenBackends() ([]Export, error) {
	d, err := openDir(f.Path(sysDir, xenDir))
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	names, err := d.names()
	var out []Export
	for _, name := range names {
		text, err := readFile(f.Path(sysDir, xenDir, name, "physical_device"))
		if absent(err) {
			continue // no disk, or one that is going
		}
		if err != nil {
			return nil, err
		}
		major, minor, _ := strings.Cut(strings.TrimSpace(string(text)), ":")
		x, errX := strconv.ParseUint(major, 16, 32)
		y, errY := strconv.ParseUint(minor, 16, 32)
		if errX != nil || errY != nil {
			return nil, badText("device number", string(text))
		}
		out = append(out, Export{Name: xenDir + "/" + name, Devt: DevNum{Major: uint32(x), Minor: uint32(y)}})
	}
	return out, err
}

// exported fills in the number of what is known by its path, as far as that leads to a
// device still, and forgets the path of what is a file.
func (f *FS) exported(x Export) Export {
	if !x.Devt.IsZero() || !strings.HasPrefix(x.Path, "/"+devDir+"/") {
		return x
	}
	if st, err := os.Stat(f.Path(x.Path)); err == nil && st.Mode().IsRegular() && f.live {
		x.Path = "" // in /dev/shm
		return x
	}
	if st, err := os.Stat(f.Path(x.Path)); err == nil && st.Mode()&os.ModeCharDevice != 0 {
		x.Path = "" // a tape's, say: a disk is opened by its block node
		return x
	}
	x.Devt = f.node(x.Path)
	return x
}

// An attrText is an attribute of configfs with its value.
type attrText struct{ name, text string }

// configured reads the attributes of a module's below configfs that match pattern, in
// which * stands for a name. What is not there is left out: it is being configured.
func (f *FS) configured(module, pattern string) ([]attrText, error) {
	if err := f.configVisible(module, pattern); err != nil {
		return nil, err
	}
	found := []string{""}
	for _, elem := range strings.Split(pattern, "/") {
		var next []string
		for _, at := range found {
			if elem != "*" {
				next = append(next, strings.TrimPrefix(at+"/"+elem, "/"))
				continue
			}
			names, err := f.configNames(at)
			if err != nil {
				return nil, err
			}
			next = append(next, names...)
		}
		found = next
	}
	var out []attrText
	for _, name := range found {
		text, err := readFile(f.Path(sysDir, configDir, name))
		if err != nil && !notThere(err) {
			return nil, err
		}
		if err == nil {
			out = append(out, attrText{name, string(text)})
		}
	}
	return out, nil
}

// notThere reports whether a pattern leads nowhere: among the directories that it is
// about there are attributes.
func notThere(err error) bool { return absent(err) || errors.Is(err, syscall.ENOTDIR) }

// configVisible fails where a module is loaded and its directory in configfs is not to
// be seen.
func (f *FS) configVisible(module, pattern string) error {
	top, _, _ := strings.Cut(pattern, "/")
	dir := f.Path(sysDir, configDir, top)
	if _, err := os.Stat(f.Path(sysDir, "module", module)); absent(err) {
		return nil
	}
	_, err := os.Stat(dir)
	if absent(err) {
		return pathError("open", dir, errNoConfig)
	}
	return err
}

// errNoConfig is an answer to what only root could hide: it is no "does not exist".
var errNoConfig = errors.New("its module is loaded, but configfs is not mounted here (mount -t configfs none /sys/kernel/config)")

// configNames lists a directory of configfs, each name below it; none where it is not
// there.
func (f *FS) configNames(at string) ([]string, error) {
	d, err := openDir(f.Path(sysDir, configDir, at))
	if notThere(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.close()
	names, err := d.names()
	slices.Sort(names)
	for i := range names {
		names[i] = at + "/" + names[i]
	}
	return names, err
}

// parseBackstore reads the info of a backstore, as the kernel's drivers/target
// prints it, one form for each kind (iblock, fileio, pscsi):
//
//	iBlock device: sdb  UDEV PATH: /dev/sdb  readonly: 0
//	        Major: 8 Minor: 16  CLAIMED: IBLOCK
//	TCM FILEIO ID: 0        File: /dev/sdb  Size: 16777216  Mode: O_DSYNC Async: 0
//	        Channel ID: 0 Target ID: 0 LUN: 1 Host ID: 3
func parseBackstore(info string) (Export, bool) {
	var x Export
	word := strings.Fields(info)
	value := func(label ...string) string {
		for i := 0; i+len(label) < len(word); i++ {
			if slices.Equal(word[i:i+len(label)], label) {
				return word[i+len(label)]
			}
		}
		return ""
	}
	if d, err := ParseDevNum(value("Major:") + ":" + value("Minor:")); err == nil {
		x.Devt = d
	}
	if x.Path = value("File:"); !strings.HasPrefix(x.Path, "/") {
		x.Path = value("UDEV", "PATH:")
	}
	if h, err := ParseHCTL(strings.Join([]string{
		value("Host", "ID:"), value("Channel", "ID:"), value("Target", "ID:"), value("LUN:"),
	}, ":")); err == nil {
		x.HCTL = &h
	}
	return x, !x.Devt.IsZero() || x.HCTL != nil || strings.HasPrefix(x.Path, "/")
}
