//go:build linux

package guest

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A Disk is one disk of a target's as sysfs shows it.
type Disk struct {
	Name string // "sdb"
	Seq  string // diskseq: another disk of the same name has another
	LUN  int
	WWID string // as the kernel cached it, in multipath's form
	Host string // "session3"
}

// AllDisks lists the disks of the target's sessions, in the order of the
// sessions.
func (g *Target) AllDisks() []Disk {
	var out []Disk
	for _, s := range g.Sessions() {
		links, _ := filepath.Glob("/sys/class/iscsi_session/" + s.Name + "/device/target*/*:0:0:*/block/*")
		for _, l := range links {
			device := filepath.Dir(filepath.Dir(l))
			hctl := filepath.Base(device)
			lun, err := strconv.Atoi(hctl[strings.LastIndex(hctl, ":")+1:])
			if err != nil {
				continue
			}
			d := Disk{Name: filepath.Base(l), Seq: attribute(l + "/diskseq"), LUN: lun, Host: s.Name}
			if naa, ok := strings.CutPrefix(attribute(device+"/wwid"), "naa."); ok {
				d.WWID = "3" + naa
			}
			out = append(out, d)
		}
	}
	return out
}

// DeleteDisk deletes a SCSI disk by hand, as an administrator does.
func DeleteDisk(name string) error {
	return TryWrite("/sys/block/"+name+"/device/delete", "1")
}

// RescanDisk has the kernel ask a disk again which LU it is. Where that is of the
// same size, nobody else learns of it.
func RescanDisk(t testing.TB, name string) {
	t.Helper()
	Write(t, "/sys/block/"+name+"/device/rescan", "1")
}

// CachedWWID is the LU that the kernel takes a disk for, in multipath's form.
func CachedWWID(disk string) string {
	naa, _ := strings.CutPrefix(attribute("/sys/block/"+disk+"/device/wwid"), "naa.")
	return "3" + naa
}
