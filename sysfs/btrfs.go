package sysfs

import "slices"

// members returns all devices of the btrfs that d is one of, d first. Where d is
// none that is known (its node has gone), it may be one of any: all are returned.
func (m *mountScan) members(d DevNum) []DevNum {
	if m.btrfs == nil {
		m.btrfs = m.fs.btrfs()
	}
	if d.IsZero() {
		return slices.Concat(m.btrfs...)
	}
	for _, devices := range m.btrfs {
		if i := slices.Index(devices, d); i >= 0 {
			return append([]DevNum{d}, slices.Delete(slices.Clone(devices), i, i+1)...)
		}
	}
	return []DevNum{d}
}

// btrfs reads the devices of every mounted btrfs: /sys/fs/btrfs/<uuid>/devices.
func (f *FS) btrfs() [][]DevNum {
	out := [][]DevNum{}
	top, err := openDir(f.Path(sysDir, "fs/btrfs"))
	if err != nil {
		return out
	}
	defer top.close()
	uuids, _ := top.names()
	for _, uuid := range uuids {
		names, err := list(top, uuid+"/devices")
		if err != nil {
			continue
		}
		var devices []DevNum
		slices.SortFunc(names, CompareNames)
		for _, name := range names {
			if d := f.named(name); !d.IsZero() {
				devices = append(devices, d)
			}
		}
		out = append(out, devices)
	}
	return out
}
