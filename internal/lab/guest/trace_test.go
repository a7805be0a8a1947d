//go:build linux

package guest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Lines of strace 5.10, 6.1 and 7.2 over a sweep.
const straceLog = `
1243  ioctl(7</dev/mapper/control<char 10:236>>, DM_TABLE_STATUS, {version=4.0.0, data_size=16384, data_start=312, uuid="mpath-3600", flags=DM_STATUS_TABLE_FLAG} => {version=4.50.0, data_size=438, data_start=312, dev=makedev(0xfe, 0), name="mpatha", uuid="mpath-3600", target_count=1, open_count=0, event_nr=0, flags=DM_STATUS_TABLE_FLAG}) = 0
762   ioctl(6</dev/sdg<block 8:96>>, SG_IO, {interface_id='S', dxfer_direction=SG_DXFER_FROM_DEV, cmd_len=6, cmdp="\x12\x00\x00\x00\x24\x00", mx_sb_len=252, iovec_count=0, dxfer_len=36, timeout=30000, flags=0 <unfinished ...>
762   <... ioctl resumed>, status=0, masked_status=0, msg_status=0, sb_len_wr=0, sbp="", host_status=0x1, driver_status=0, resid=0, duration=0, info=SG_INFO_CHECK}) = 0
762   connect(8<socket:[1634]>, {sa_family=AF_UNIX, sun_path=@"/org/kernel/linux/storage/multipathd"}, 39) = 0
762   write(8<(null):[1634->1636]>, "\16\0\0\0\0\0\0\0show topology\0", 22) = 22
762   write(4<anon_inode:[eventfd]>, "\1\0\0\0\0\0\0\0", 8) = 8
762   write(4<{eventfd-count=0, eventfd-id=2, eventfd-semaphore=0}>, "\1\0\0\0\0\0\0\0", 8) = 8
762   write(1</payload/output>, "    zz_test.go:34: a line\n", 26) = 26
1230  write(14<UNIX-STREAM:[1661->1663]>, "\33\0\0\0\0\0\0\0disablequeueing map mpathd\0", 35) = 35
1230  ioctl(5</dev/mapper/control<char 10:236>>, DM_TARGET_MSG, [{version=[4, 0, 0], data_size=400, data_start=312, uuid="mpath-3600", flags=0}, {sector=0, message="fail_if_no_path"}] => [{version=[4, 50, 0], data_size=400}]) = 0
1230  ioctl(5</dev/mapper/control<char 10:236>>, DM_DEV_REMOVE, [{version=[4, 0, 0], data_size=312, uuid="mpath-3600", event_nr=0, flags=0} <unfinished ...>
762   write(15</sys/devices/pseudo_0/adapter0/host0/target0:0:0/0:0:0:3/delete>, "1\n", 2 <unfinished ...>
1414  execve("/usr/sbin/multipathd", ["multipathd", "show", "topology"], 0x3940525e70e0 /* 10 vars */ <detached ...>
1415  execve("/usr/sbin/multipath", ["multipath", "-v2", "-f", "a, b"], 0x3940525e70e0 /* 10 vars */) = 0
1415  ioctl(3</dev/mapper/control<char 10:236>>, DM_DEV_CREATE, {version=4.0.0, data_size=16384, flags=0}) = 0
762   ioctl(9</dev/sda<block 8:0>>, SG_IO, {interface_id='S', dxfer_direction=SG_DXFER_TO_DEV, cmd_len=6, cmdp="\x0a\x00\x00\x00\x24\x00", mx_sb_len=252}) = 0
762   ioctl(9</dev/sda<block 8:0>>, BLKFLSBUF) = 0
762   unlinkat(AT_FDCWD</tmp/work>, "/tmp/run-1", 0) = 0
762   mkdirat(10</run>, "lunsweep", 0700) = -1 EEXIST (File exists)
762   ftruncate(10</run/lunsweep/25e2.lock>, 0) = 0
762   renameat(12</run/lunsweep>, "25e2.fresh", 12</run/lunsweep>, "25e2.note") = 0
762   unlinkat(AT_FDCWD</tmp/work>, "/dev/disk/by-id/x", 0) = 0
1415  clone(child_stack=NULL, flags=CLONE_VM|CLONE_VFORK|SIGCHLD <unfinished ...>
1500  write(9</sys/kernel/config/x>, "1", 1) = 1
1415  <... clone resumed>)              = 1500
762   openat(AT_FDCWD</>, "/dev/sda", O_RDONLY|O_NONBLOCK|O_CLOEXEC) = 9</dev/sda<block 8:0>>
762   openat(AT_FDCWD</>, "/dev/sdb", O_RDWR|O_CLOEXEC) = 9</dev/sdb<block 8:16>>
762   openat(AT_FDCWD</>, "/dev/mapper/control", O_RDWR|O_CLOEXEC) = 7</dev/mapper/control<char 10:236>>
762   openat(11</sys/x>, "state", O_WRONLY|O_CLOEXEC) = 12</sys/x/state>
762   kill(-1500, SIGKILL)              = 0
762   kill(812, SIGKILL)                = 0
`

func TestTrace(t *testing.T) {
	tr, err := parseTrace(strings.NewReader(straceLog), 1)
	if err != nil {
		t.Fatal(err)
	}
	const disk = "/sys/devices/pseudo_0/adapter0/host0/target0:0:0/0:0:0:3/delete"
	want := []Deed{
		{What: "order", Said: "disablequeueing map mpathd"},
		{What: "dm", On: "mpath-3600", Said: "DM_TARGET_MSG fail_if_no_path"},
		{What: "dm", On: "mpath-3600", Said: "DM_DEV_REMOVE 0"},
		{What: "write", On: disk, Said: "1\n"},
		{What: "exec", On: "/usr/sbin/multipath", Said: "multipath -v2 -f a, b"},
		{What: "cdb", On: "/dev/sda", Said: "0a"},
		{What: "ioctl", On: "/dev/sda", Said: "BLKFLSBUF "},
		{What: "unlinkat", On: "/dev/disk/by-id/x", Said: `AT_FDCWD</tmp/work>, "/dev/disk/by-id/x", 0`},
		{What: "open", On: "/dev/sdb", Said: "for writing"},
		{What: "kill", Said: "812, SIGKILL"},
	}
	if diff := cmp.Diff(want, tr.Deeds); diff != "" {
		t.Errorf("the deeds of the log (-want +got):\n%s", diff)
	}
}

// A recorder stands for the test that a check would fail.
type recorder struct {
	testing.TB
	said int
}

func (r *recorder) Errorf(string, ...any) { r.said++ }
func (r *recorder) Helper()               {}

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
		r := &recorder{TB: t}
		Trace{Deeds: c.deeds}.CheckPlan(r, steps)
		if r.said != c.wrong {
			t.Errorf("%s: %d complaints, want %d", name, r.said, c.wrong)
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
