package sysfs

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"
)

func TestDM(t *testing.T) {
	tests := []struct {
		uuid, wwid, of string
	}{
		{"mpath-360014055e7", "360014055e7", ""},
		{"mpath-1ATA     QEMU", "1ATA     QEMU", ""},
		{"part1-mpath-360014055e7", "", "mpath-360014055e7"},
		{"part12-mpath-3600", "", "mpath-3600"},
		{"part-mpath-3600", "", ""},
		{"part1-LVM-abc", "", ""},
		{"partx-mpath-3600", "", ""},
		{"part1-mpath-", "", ""},
		{"part1", "", ""},
		{"mpath-", "", ""},
		{"LVM-DLYabc", "", ""},
		{"CRYPT-LUKS2-mpath-3600", "", ""},
		{"", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.uuid, func(t *testing.T) {
			d := &DM{UUID: tt.uuid}
			if got, ok := d.Multipath(); got != tt.wwid || ok != (tt.wwid != "") {
				t.Errorf("Multipath: %q, %v", got, ok)
			}
			if got, ok := d.Partition(); got != tt.of || ok != (tt.of != "") {
				t.Errorf("Partition: %q, %v", got, ok)
			}
		})
	}
}

func TestNoDM(t *testing.T) {
	var d *DM
	if _, ok := d.Multipath(); ok {
		t.Error("no device is a multipath map")
	}
	if _, ok := d.Partition(); ok {
		t.Error("no device is a partition")
	}
}

// The attributes of a map that is being removed answer EINVAL for a moment.
func TestDMGone(t *testing.T) {
	for errno, gone := range map[syscall.Errno]bool{syscall.EINVAL: true, syscall.ENOENT: true, syscall.EIO: false} {
		err := dmGone(pathError("read", "/sys/block/dm-2/dm/name", errno))
		var pe *fs.PathError
		if !errors.Is(err, errno) || !errors.As(err, &pe) || pe.Path != "/sys/block/dm-2/dm/name" {
			t.Errorf("%v became %v", errno, err)
		}
		if _, left, err := presence(0, err); !errors.Is(err, errno) != gone || left {
			t.Errorf("%v: %v", errno, err)
		}
	}
	if err := dmGone(nil); err != nil {
		t.Error(err)
	}
}
