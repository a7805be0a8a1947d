package sysfs

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// As captured in the lab, from an io_uring that /dev/sdi is registered with.
const ringInfo = "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t1221\nSqMask:\t0x0\nSQEs:\t0\nUserFiles:\t2\n" +
	"    0: /dev/sdi\n    3: /dev/my\\040disk\nUserBufs:\t0\nPollList:\n    7: /dev/none\n"

func TestParseRingFiles(t *testing.T) {
	for text, want := range map[string][]string{
		ringInfo:                                     {"/dev/sdi", "/dev/my disk"},
		"UserFiles:\t1\n    0: sdb\n":                {"/dev/sdb"}, // Linux 6.5 and older
		"UserFiles:\t0\nUserBufs:\t0\n":              {},
		"UserFiles:\t1\nUserBufs:\t0\n":              nil, // locked
		"pos:\t0\nflags:\t02000002\n":                nil, // locked, newer kernels
		"UserFiles:\t10\nUserBufs:\t0\n":             nil,
		"UserFiles:\t2\n    0: <none>\n    1: sdc\n": {"/dev/sdc"},
		"UserFiles:\t1\n    0: <none>\n":             {}, // the lock was had
		"UserFiles:\t0\n    7: /dev/none\n":          {"/dev/none"},
	} {
		got, listed := parseRingFiles([]byte(text))
		require.Equal(t, want, got, "%q", text)
		require.Equal(t, want != nil, listed, "%q", text)
	}
}

func TestParseMaps(t *testing.T) {
	got := parseMaps([]byte("86ad2000-86ad3000 r--s 00000000 00:07 640                                /dev/sdj\n" +
		"86ad3000-86ad4000 rw-s 00000000 00:07 641                                /dev/my disk (deleted)\n" +
		"86ad4000-86ad5000 rw-p 00000000 00:07 4                                  /dev/null\n" +
		"7f00-7f01 r-xp 00000000 fe:01 12   /usr/lib/libc.so.6\n7ffe-7fff rw-p 00000000 00:00 0  [stack]\n"))
	want := []mapLine{
		{span: "86ad2000-86ad3000", shared: true, path: "/dev/sdj"},
		{span: "86ad3000-86ad4000", shared: true, write: true, path: "/dev/my disk (deleted)"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(mapLine{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A device that is registered with an io_uring, one that is mapped, and a
// namespace that only an open file keeps.
func TestHiddenOpeners(t *testing.T) {
	f := open(t, plant(t, openerDisks+
		"\nsys/class/block/sdi/dev = 8:128"+
		statLines("80", "db", "S")+
		"\nproc/80/fd/5 -> anon_inode:[io_uring]\nproc/80/fdinfo/5 : "+hexOf(ringInfo)+
		"\nproc/80/fd/6 -> mnt:[4026532999]\nproc/80/fd/7 -> net:[4026531992]"+
		"\nproc/80/maps = 7f00-7f01 rw-s 00000000 00:07 640 /dev/sdb"+
		"\nproc/81/maps : "+"\nproc/82/status = it is ending"))
	open, err := f.Openers(context.Background(), nil)
	require.NoError(t, err)
	require.Empty(t, open.Blind)
	require.Equal(t, []Namespace{{ID: 4026532999, PID: 80, FD: 6}}, open.Namespaces)
	require.Len(t, open.List, 1)
	require.Equal(t, DevNum{8, 128}, open.List[0].Devt)
	require.True(t, open.List[0].Write, "how it was opened does not show")

	mapped, err := f.Mappings(context.Background(), func(DevNum) bool { return true })
	require.NoError(t, err)
	require.Len(t, mapped.List, 1)
	got := mapped.List[0]
	require.Equal(t, DevNum{8, 16}, got.Devt)
	require.Equal(t, -1, got.FD)
	require.Equal(t, "db", got.Comm)
	require.True(t, got.Write)
}

// A namespace that cannot be entered, as in a tree without a kernel behind it,
// stays unknown.
func TestPinnedNamespace(t *testing.T) {
	f := open(t, plant(t, mountTree))
	got, err := f.MountsIn(context.Background(), []Namespace{{ID: 4026532999, PID: 1680, FD: 3}})
	require.NoError(t, err)
	require.Equal(t, Mounts{Pinned: []uint64{4026532999}}, got)
}

func TestBackings(t *testing.T) {
	f := open(t, plant(t, `
sys/class/block/sdb/dev = 8:16
sys/block/sdb/dev = 8:16
sys/block/loop0/dev = 7:0
sys/block/loop0/loop/backing_file = /dev/sdb
sys/block/loop1/dev = 7:1
sys/block/loop1/loop/backing_file = /srv/image
sys/block/loop2/dev = 7:2`))
	got, err := f.Backings(context.Background())
	require.NoError(t, err)
	want := []Loop{
		{Name: "loop0", Devt: DevNum{7, 0}, File: "/dev/sdb", Over: DevNum{8, 16}},
		{Name: "loop1", Devt: DevNum{7, 1}, File: "/srv/image"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// As the lab's kernel prints them.
func TestExports(t *testing.T) {
	at := HCTL{Host: 3, LUN: 1}
	iblock := "Status: ACTIVATED  Max Queue Depth: 0  SectorSize: 512  HwMaxSectors: 65528\n" +
		"        iBlock device: sde  UDEV PATH: /dev/sde  readonly: 0\n        Major: 8 Minor: 64  CLAIMED: IBLOCK\n"
	fileio := "Status: ACTIVATED  Max Queue Depth: 0  SectorSize: 512  HwMaxSectors: 16384\n" +
		"        TCM FILEIO ID: 0        File: /dev/sdb  Size: 8388608  Mode: Buffered-WCE Async: 0\n"
	pscsi := "Status: ACTIVATED\nSCSI Device Bus Location: Channel ID: 0 Target ID: 0 LUN: 1 Host ID: 3\n        Vendor: LIO-ORG\n"
	f := open(t, plant(t, "sys/class/block/sdb/dev = 8:16",
		"sys/kernel/config/target/core/iblock_0/x/info : "+hexOf(iblock),
		"sys/kernel/config/target/core/fileio_0/y/info : "+hexOf(fileio),
		"sys/kernel/config/target/core/pscsi_0/z/info : "+hexOf(pscsi),
		"sys/kernel/config/target/core/iblock_1/unset/info = Status: DEACTIVATED",
		"sys/kernel/config/target/core/alua/",
		"sys/kernel/config/target/core/fileio_0/hba_info = HBA Index: 1",
		"sys/kernel/config/nvmet/subsystems/nqn/namespaces/1/device_path = /dev/sdb",
		"sys/kernel/config/nvmet/subsystems/nqn/namespaces/1/enable = 1",
		"sys/kernel/config/nvmet/subsystems/nqn/namespaces/2/device_path = /dev/sdb",
		"sys/kernel/config/nvmet/subsystems/nqn/namespaces/2/enable = 0"))
	got, err := f.Exports(context.Background())
	require.NoError(t, err)
	want := []Export{
		{Name: "target/core/fileio_0/y", Path: "/dev/sdb", Devt: DevNum{8, 16}},
		{Name: "target/core/iblock_0/x", Path: "/dev/sde", Devt: DevNum{8, 64}},
		{Name: "target/core/pscsi_0/z", HCTL: &at},
		{Name: "nvmet/subsystems/nqn/namespaces/1", Path: "/dev/sdb", Devt: DevNum{8, 16}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
