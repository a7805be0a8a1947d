//go:build linux

package guest

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// A DMInfo is what dmsetup info says of one device.
type DMInfo struct {
	Name, UUID string
	Devt       string // "254:3"
	Open       int    // open count
	Suspended  bool
	Tables     string // "L--w": live, inactive, suspended, read-only or writable
}

// DmsetupInfo asks dmsetup about every device-mapper device, by name.
func DmsetupInfo(t testing.TB) map[string]DMInfo {
	t.Helper()
	out := map[string]DMInfo{}
	said := Run(t, "dmsetup", "info", "-c", "--noheadings", "--separator", "|", "-o", "name,uuid,major,minor,open,attr,suspended")
	for line := range strings.Lines(said) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 7 {
			continue // "No devices found"
		}
		open, err := strconv.Atoi(f[4])
		if err != nil {
			t.Fatalf("dmsetup info: %q", line)
		}
		out[f[0]] = DMInfo{Name: f[0], UUID: f[1], Devt: f[2] + ":" + f[3], Open: open, Tables: f[5], Suspended: f[6] == "Suspended"}
	}
	return out
}

// DmsetupLs names the device-mapper devices, in order.
func DmsetupLs(t testing.TB) []string {
	t.Helper()
	var out []string
	for name := range DmsetupInfo(t) {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// OpenCount is the map's open count in the kernel; -1 where there is no map.
func OpenCount(t testing.TB, name string) int {
	t.Helper()
	if i, ok := DmsetupInfo(t)[name]; ok {
		return i.Open
	}
	return -1
}

// DmsetupTable is the map's table line: "0 16384 multipath 1 queue_if_no_path 0 …".
func DmsetupTable(t testing.TB, name string) string {
	t.Helper()
	return Run(t, "dmsetup", "table", name)
}

// Queueing reports whether the map queues without paths, by its table.
func Queueing(t testing.TB, name string) bool {
	t.Helper()
	return strings.Contains(DmsetupTable(t, name), "queue_if_no_path")
}

// DmsetupTables are the table lines of every multipath map, by name.
func DmsetupTables(t testing.TB) map[string]string {
	t.Helper()
	return byName(Run(t, "dmsetup", "table", "--target", "multipath"))
}

// DmsetupStatuses are the status lines of every multipath map, by name; nobody
// flushes anything for that.
func DmsetupStatuses(t testing.TB) map[string]string {
	t.Helper()
	return byName(Run(t, "dmsetup", "status", "--noflush", "--target", "multipath"))
}

// byName takes apart what dmsetup prints of several devices, "name: line".
func byName(said string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(said) {
		if name, rest, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			out[name] = rest
		}
	}
	return out
}

// A DMStatus is what dmsetup status says of a multipath map.
type DMStatus struct {
	Text  string
	Paths []DMPath
}

// A DMPath is one path in it.
type DMPath struct {
	Devt   string // "8:16"
	Failed bool
	Fails  int
}

// DmsetupStatus asks for a map's status; nobody flushes anything for that.
//
//	0 16384 multipath 2 0 0 0 2 1 A 0 1 2 8:64 A 0 0 1 E 0 1 2 8:128 F 3 0 1
func DmsetupStatus(t testing.TB, name string) DMStatus {
	t.Helper()
	s := DMStatus{Text: Run(t, "dmsetup", "status", "--noflush", name)}
	f := strings.Fields(s.Text)
	for i := 0; i+2 < len(f); i++ {
		if strings.Count(f[i], ":") != 1 || f[i+1] != "A" && f[i+1] != "F" {
			continue
		}
		fails, _ := strconv.Atoi(f[i+2])
		s.Paths = append(s.Paths, DMPath{Devt: f[i], Failed: f[i+1] == "F", Fails: fails})
	}
	return s
}

// MultipathLL is the output of multipath -ll, for the maps named or for all.
func MultipathLL(t testing.TB, names ...string) string {
	t.Helper()
	return Run(t, append([]string{"multipath", "-ll"}, names...)...)
}

// SgTurs sends one TEST UNIT READY by sg_raw (the sg_turs of sg3-utils 1.48
// sends an empty command) and returns "" when the LU is ready, the sense in
// numbers where it answers with one ("05/25/00"), "host 0x01" where nobody
// answers, else the program's words. A unit attention ("06/…") comes once.
func SgTurs(t testing.TB, disk string) string {
	t.Helper()
	r, err := runFor(patience, "sg_raw", "-v", dev(disk), "00", "00", "00", "00", "00", "00")
	if err != nil {
		t.Fatal(err)
	}
	return ending(r.Code, r.Stdout+"\n"+r.Stderr)
}

var (
	hostStatus = regexp.MustCompile(`Host_status=(0x[0-9a-f]+)`)
	// Fixed format, key in byte 2, additional sense in 12 and 13:
	//
	//	Raw sense data (in hex), sb_len=18, embedded_len=18
	//	       70 00 05 00 00 00 00 0a  00 00 00 00 24 00 00 c0
	fixedSense = regexp.MustCompile(`Raw sense data[^\n]*\n\s+7[01] \S\S .(.)(?: +\S\S){9} +(\S\S) (\S\S)`)
	// Descriptor format, in bytes 1 to 3.
	descriptorSense = regexp.MustCompile(`Raw sense data[^\n]*\n\s+7[23] .(.) (\S\S) (\S\S)`)
)

// ending reads what sg_raw -v printed of a command's end.
func ending(code int, text string) string {
	for _, form := range []*regexp.Regexp{fixedSense, descriptorSense} {
		if m := form.FindStringSubmatch(text); m != nil {
			return "0" + m[1] + "/" + m[2] + "/" + m[3]
		}
	}
	if m := hostStatus.FindStringSubmatch(text); m != nil {
		return "host " + m[1]
	}
	if code == 0 {
		return ""
	}
	return strings.TrimSpace(text)
}

// SgQualifier is the peripheral qualifier of a live INQUIRY, by sg_inq: 0 for a
// connected LU, 1 and 3 for none.
func SgQualifier(t testing.TB, disk string) int {
	t.Helper()
	r, err := runFor(patience, "sg_inq", "--raw", dev(disk))
	if err != nil || r.Code != 0 || r.Stdout == "" {
		t.Fatalf("sg_inq %s: exit status %d, %v\n%s", disk, r.Code, err, r.Stderr)
	}
	return int(r.Stdout[0] >> 5)
}

// SgVPD is a vital product data page of the live LU, by sg_vpd, whole; the
// error holds what the program said where the LU does not give it.
func SgVPD(disk string, page byte) ([]byte, error) {
	argv := []string{"sg_vpd", "--raw", fmt.Sprintf("--page=%#x", page), dev(disk)}
	r, err := runFor(patience, argv...)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("%s: exit status %d\n%s", strings.Join(argv, " "), r.Code, r.Stderr)
	}
	return []byte(r.Stdout), err
}

// SgWWID is the LU's identity as multipath writes it, by a live VPD page 0x83
// and sg_vpd's own reading of its NAA designator.
func SgWWID(t testing.TB, disk string) string {
	t.Helper()
	said := Run(t, "sg_vpd", "--page=di_lu", "--quiet", dev(disk))
	for _, f := range strings.Fields(said) {
		if naa, ok := strings.CutPrefix(f, "0x"); ok && len(naa) >= 16 {
			return "3" + naa
		}
	}
	t.Fatalf("%s has no NAA designator: %s", disk, said)
	return ""
}

// UdevWWID is the identity that udev's database has for a disk, and so what
// multipath calls it, whatever kind of designator it is from.
func UdevWWID(t testing.TB, disk string) string {
	t.Helper()
	wwid := ""
	WaitFor(t, "udev has an identity for "+disk, settled, func() error {
		Udev(t)
		for line := range strings.Lines(Run(t, "udevadm", "info", "--query=property", "--name="+dev(disk))) {
			if serial, ok := strings.CutPrefix(line, "ID_SERIAL="); ok {
				wwid = strings.TrimSpace(serial)
				return nil
			}
		}
		return errors.New("it has no ID_SERIAL")
	})
	return wwid
}

// SgLUNs is what the target of a disk answers to REPORT LUNS through it.
func SgLUNs(t testing.TB, disk string) string {
	t.Helper()
	return Run(t, "sg_luns", "--quiet", dev(disk))
}

// Ls names what is in a folder, in order; a folder that is not there is empty.
func Ls(dir string) []string {
	entries, _ := os.ReadDir(dir)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// ByID maps each link of /dev/disk/by-id to where it leads, "sda" or "dm-3".
func ByID() map[string]string {
	out := map[string]string{}
	for _, name := range Ls("/dev/disk/by-id") {
		to, _ := os.Readlink("/dev/disk/by-id/" + name)
		out[name] = strings.TrimPrefix(to, "../../")
	}
	return out
}

// Findmnt is findmnt's list of the mounts in this namespace, one "target source"
// a line.
func Findmnt(t testing.TB) string {
	t.Helper()
	return Run(t, "findmnt", "--raw", "--noheadings", "-o", "TARGET,SOURCE")
}

// Lsblk is lsblk's list of the block devices, in raw columns.
func Lsblk(t testing.TB) string {
	t.Helper()
	return Run(t, "lsblk", "--raw", "--noheadings", "-o", "NAME,MAJ:MIN,SIZE,TYPE,MOUNTPOINT")
}

// Lsscsi is lsscsi's list of the SCSI devices.
func Lsscsi(t testing.TB) string {
	t.Helper()
	return Run(t, "lsscsi")
}

// dev is the node of a kernel name; paths stay as they are.
func dev(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return "/dev/" + name
}
