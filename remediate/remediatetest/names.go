package remediatetest

import (
	"strconv"
	"strings"

	"github.com/lunsweep/lunsweep/sysfs"
)

// dmMajor is the major number that device-mapper usually gets.
const dmMajor = 253

// sdMajors are the majors of SCSI disks, 16 disks each (admin-guide/devices.txt).
var sdMajors = [...]int{8, 65, 66, 67, 68, 69, 70, 71, 128, 129, 130, 131, 132, 133, 134, 135}

// diskIndex counts disks: sda is 0, sdz 25, sdaa 26.
func diskIndex(name string) int {
	n := 0
	for _, c := range strings.TrimPrefix(name, "sd") {
		n = n*26 + int(c-'a') + 1
	}
	return n - 1
}

// DiskName is the name of the n-th SCSI disk of a host, from 0: "sda", …, "sdz",
// "sdaa".
func DiskName(n int) string {
	var s string
	for n++; n > 0; n = (n - 1) / 26 {
		s = string(rune('a'+(n-1)%26)) + s
	}
	return "sd" + s
}

// number reads the number behind a prefix.
func number(name, prefix string) (uint32, bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	n, err := strconv.ParseUint(rest, 10, 20)
	return uint32(n), ok && err == nil
}

// devNum is the number of a whole disk (drivers/scsi/sd.c, sd_major) or of a dm
// device.
func devNum(name string) sysfs.DevNum {
	if n, ok := number(name, "dm-"); ok {
		return sysfs.DevNum{Major: dmMajor, Minor: n}
	}
	i := diskIndex(name)
	return sysfs.DevNum{Major: uint32(sdMajors[i>>4&0xf]), Minor: uint32(i&0xf<<4 | i&0xfff00)}
}
