//go:build linux && amd64

package guest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the watcher writes of a sweep.
const watcherLog = `
{"TID":7,"Program":"sweep","Name":"ioctl","On":"/dev/mapper/control","Said":"DM_TABLE_STATUS 0x10","Map":"mpath-3600"}
{"TID":7,"Program":"sweep","Name":"ioctl","On":"/dev/sdg","Said":"SG_IO 12"}
{"TID":7,"Program":"sweep","Name":"connect","On":"@/org/kernel/linux/storage/multipathd"}
{"TID":7,"Program":"sweep","Name":"connect","On":"/run/other.socket"}
{"TID":7,"Program":"sweep","Name":"write","On":"socket:[1634]","Said":"\u000e\u0000\u0000\u0000\u0000\u0000\u0000\u0000show topology\u0000"}
{"TID":7,"Program":"sweep","Name":"write","On":"anon_inode:[eventfd]","Said":"\u0001"}
{"TID":7,"Program":"sweep","Name":"write","On":"pipe:[12]","Said":"x"}
{"TID":7,"Program":"sweep","Name":"write","On":"/payload/output","Said":"a line\n"}
{"TID":7,"Program":"sweep","Name":"write","On":"socket:[1661]","Said":"\u001b\u0000\u0000\u0000\u0000\u0000\u0000\u0000disablequeueing map mpathd\u0000"}
{"TID":7,"Program":"csinode","Name":"write","On":"/sys/x/delete","Said":"1"}
{"TID":7,"Program":"sweep","Name":"ioctl","On":"/dev/mapper/control","Said":"DM_TARGET_MSG fail_if_no_path","Map":"mpath-3600"}
{"TID":7,"Program":"sweep","Name":"ioctl","On":"/dev/mapper/control","Said":"DM_DEV_REMOVE 0x0","Map":"mpath-3600"}
{"TID":7,"Program":"sweep","Name":"write","On":"/sys/devices/host0/0:0:0:3/delete","Said":"1\n"}
{"TID":8,"Child":8,"Program":"sweep","Name":"execve","On":"/usr/sbin/multipathd","Said":"multipathd show topology"}
{"TID":9,"Child":9,"Program":"sweep","Name":"execve","On":"/usr/sbin/multipath","Said":"multipath -v2 -f a"}
{"TID":7,"Program":"sweep","Name":"ioctl","On":"/dev/sda","Said":"SG_IO 0a"}
{"TID":7,"Program":"sweep","Name":"ioctl","On":"/dev/sda","Said":"0x1261"}
{"TID":7,"Program":"sweep","Name":"unlinkat","On":"/tmp/run-1","Said":"0x0 0x0 0x0"}
{"TID":7,"Program":"sweep","Name":"renameat","On":"/run/lunsweep/25e2.note","Said":"0x0 0x0 0x0"}
{"TID":7,"Program":"sweep","Name":"unlinkat","On":"/dev/disk/by-id/x","Said":"0x1 0x2 0x3"}
{"TID":7,"Program":"sweep","Name":"kill","Said":"-9 9"}
{"TID":7,"Program":"sweep","Name":"kill","Said":"812 9"}
{"TID":7,"Program":"sweep","Name":"kill","Said":"813 0"}
{"TID":7,"Program":"sweep","Name":"openat","On":"/sys/x/state","Said":"0x1 0x2 0x3"}
{"TID":7,"Program":"sweep","Name":"openat","On":"/dev/mapper/control","Said":"0x1 0x2 0x3"}
{"TID":7,"Program":"sweep","Name":"openat","On":"/dev/sda","Said":"0x1 0x2 0x3"}
{"TID":7,"Program":"sweep","Name":"unlink","On":"/nowhere/aside"}
{"TID":7,"Program":"sweep","Name":"write","On":"/sys/aside","Said":"1"}
{"TID":5,"Program":"sweep","Name":"write","On":"/sys/beside","Said":"1"}
{"TID":7,"Child":70,"Program":"sweep","Name":"execve","On":"/usr/sbin/dmsetup","Said":"dmsetup remove x"}
{"TID":7,"Program":"sweep","Name":"unlink","On":"/nowhere/back"}
{"TID":7,"Program":"sweep","Name":"write","On":"/sys/back","Said":"1"}
`

func TestTrace(t *testing.T) {
	tr, err := readTrace(strings.NewReader(strings.TrimSpace(watcherLog)), 0, "sweep")
	if err != nil {
		t.Fatal(err)
	}
	want := []Deed{
		{What: "connect", On: "/run/other.socket"},
		{What: "order", Said: "disablequeueing map mpathd"},
		{What: "dm", On: "mpath-3600", Said: "DM_TARGET_MSG fail_if_no_path"},
		{What: "dm", On: "mpath-3600", Said: "DM_DEV_REMOVE 0x0"},
		{What: "write", On: "/sys/devices/host0/0:0:0:3/delete", Said: "1\n"},
		{What: "exec", On: "/usr/sbin/multipath", Said: "multipath -v2 -f a"},
		{What: "cdb", On: "/dev/sda", Said: "0a"},
		{What: "ioctl", On: "/dev/sda", Said: "0x1261"},
		{What: "unlinkat", On: "/dev/disk/by-id/x", Said: "0x1 0x2 0x3"},
		{What: "kill", Said: "812 9"},
		{What: "open", On: "/dev/sda", Said: "for writing"},
		{What: "write", On: "/sys/beside", Said: "1"},
		{What: "write", On: "/sys/back", Said: "1"},
	}
	if diff := cmp.Diff(want, tr.Deeds); diff != "" {
		t.Errorf("the deeds of the log (-want +got):\n%s", diff)
	}
	if tr.Calls != 31 {
		t.Errorf("%d calls", tr.Calls)
	}
	back := strings.Index(watcherLog, "/sys/aside")
	tr, err = readTrace(strings.NewReader(strings.TrimSpace(watcherLog)), int64(back), "sweep")
	if diff := cmp.Diff(want[len(want)-2:], tr.Deeds); err != nil || diff != "" {
		t.Errorf("%v, the deeds of its end (-want +got):\n%s", err, diff)
	}
}

func TestTraceAgainstPlan(t *testing.T) {
	steps := []Step{
		{LU: "3600", Action: "disable-queueing", Target: "mpathd", UUID: "mpath-3600"},
		{LU: "3600", Action: "flush-map", Target: "mpathd", UUID: "mpath-3600"},
		{LU: "3600", Action: "offline-path", Target: "sdi", HCTL: "0:0:0:3"},
		{LU: "3600", Action: "delete-path", Target: "sdi", HCTL: "0:0:0:3"},
		{LU: "3600", Action: "forget-path", Target: "sdi", HCTL: "0:0:0:3"},
	}
	write := func(hctl, attr, text string) Deed {
		return Deed{What: "write", On: "/sys/devices/host0/" + hctl + "/" + attr, Said: text}
	}
	for name, c := range map[string]struct {
		deeds []Deed
		wrong int
	}{
		"nothing":           {nil, 0},
		"as planned":        {[]Deed{{What: "order", Said: "del map mpathd"}, write("0:0:0:3", "delete", "1\n"), {What: "order", Said: "del path sdi"}}, 0},
		"undone":            {[]Deed{{What: "order", Said: "disablequeueing map mpathd"}, {What: "order", Said: "del map mpathd"}, {What: "order", Said: "restorequeueing map mpathd"}}, 0},
		"a partition":       {[]Deed{{What: "dm", On: "part1-mpath-3600", Said: "DM_DEV_REMOVE 0"}}, 0},
		"another map":       {[]Deed{{What: "order", Said: "del map mpathda"}}, 1},
		"another partition": {[]Deed{{What: "dm", On: "part1-mpath-36000", Said: "DM_DEV_REMOVE 0"}}, 1},
		"another disk":      {[]Deed{write("10:0:0:3", "delete", "1\n")}, 1},
		"another word":      {[]Deed{write("0:0:0:3", "state", "blocked\n")}, 1},
		"a forced removal":  {[]Deed{{What: "exec", Said: "dmsetup remove --force mpathd"}}, 1},
		"a suspension":      {[]Deed{{What: "dm", On: "mpath-3600", Said: "DM_DEV_SUSPEND DM_SUSPEND_FLAG"}}, 1},
		"a disk opened":     {[]Deed{{What: "open", On: "/dev/sdi", Said: "O_RDWR"}}, 1},
		"asked once more":   {[]Deed{write("0:0:0:3", "state", "offline\n"), write("0:0:0:3", "delete", "1\n"), write("0:0:0:3", "state", "running\n"), write("0:0:0:3", "state", "offline\n")}, 0},
		"off, after all":    {[]Deed{write("0:0:0:3", "delete", "1\n"), write("0:0:0:3", "state", "offline\n")}, 1},
		"the disk first":    {[]Deed{write("0:0:0:3", "delete", "1\n"), {What: "order", Said: "del map mpathd"}}, 1},
	} {
		if list := (Trace{Deeds: c.deeds}).Strange(steps); len(list) != c.wrong {
			t.Errorf("%s: %d complaints, want %d: %v", name, len(list), c.wrong, list)
		}
	}
}

func TestTraceNames(t *testing.T) {
	for text, want := range map[string]bool{
		"del map mpathb": true, "del map mpathba": false, "del map xmpathb": false,
		"DM_DEV_REMOVE mpath-mpathb": true, "part1-mpath-mpathb": true, "/dev/mapper/mpathb": true,
	} {
		if got := (Deed{Said: text}).names([]string{"mpathb"}) != ""; got != want {
			t.Errorf("%q names mpathb: %v", text, got)
		}
	}
}
