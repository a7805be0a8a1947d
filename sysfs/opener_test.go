package sysfs

import (
	"context"
	"encoding/hex"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func hexOf(s string) string { return hex.EncodeToString([]byte(s)) }

// fdLines are one open file of a process or thread.
func fdLines(proc, fd, link, flags string) string {
	return "\nproc/" + proc + "/fd/" + fd + " -> " + link +
		"\nproc/" + proc + "/fdinfo/" + fd + " : " + hexOf("pos:\t0\nflags:\t"+flags+"\nmnt_id:\t30\n")
}

// statLines are a process or thread, its name and state.
func statLines(proc, comm, state string) string {
	return "\nproc/" + proc + "/stat = 1 (" + comm + ") " + state + " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 1250 20 21"
}

const openerDisks = `
sys/class/block/dm-0/dev = 254:0
sys/class/block/sdb/dev = 8:16
dev/dm-0 =
dev/mapper/mpatha -> ../dm-0
proc/stat = btime 1795330400`

func TestOpeners(t *testing.T) {
	tree := openerDisks +
		// a dd that waits for I/O, after the lab
		statLines("1162", "dd", "D") + statLines("1162/task/1162", "dd", "D") +
		"\nproc/1162/task/1162/wchan = folio_wait_bit_common" +
		fdLines("1162", "0", "/dev/dm-0", "0140000") + fdLines("1162", "1", "/dev/null", "0100001") +
		// multipathd, of which one thread waits for I/O
		statLines("928", "multipathd", "S") + statLines("928/task/928", "multipathd", "S") +
		statLines("928/task/930", "multipathd", "D") + "\nproc/928/task/930/wchan = 0" +
		fdLines("928", "10", "/dev/sdb", "0100000") +
		// writers, and somebody who only names the device
		statLines("40", "a) D (b", "S") + statLines("40/task/40", "a) D (b", "R") +
		fdLines("40", "3", "/dev/dm-0", "0100002") + fdLines("40", "12", "/dev/dm-0 (deleted)", "0100001") +
		fdLines("40", "4", "/dev/dm-0", "010000000") + fdLines("40", "5", "/home/dm-0", "02") +
		fdLines("40", "6", "socket:[80]", "02") + fdLines("40", "7", "anon_inode:[eventpoll]", "02") +
		// killed: the first thread is a zombie, a sleeping one keeps the files
		statLines("50", "probe", "Z") + statLines("50/task/50", "probe", "Z") + statLines("50/task/53", "probe", "D") +
		"\nproc/50/fd/\nproc/50/task/50/fd/\nproc/50/task/53/wchan = blkdev_llseek" +
		fdLines("50/task/53", "5", "/dev/mapper/mpatha", "0100000") +
		// of other devices, of none, ending, and without a stat any more
		statLines("60", "x", "S") + fdLines("60", "3", "/dev/sdz", "0100002") +
		"\nproc/70/fd/\nproc/71/status = x" + fdLines("72", "3", "/dev/dm-0", "0100002")
	f := open(t, plant(t, tree))

	since := time.Unix(1795330400, 0).Add(12500 * time.Millisecond)
	dm0, sdb := DevNum{254, 0}, DevNum{8, 16}
	want := Openers{List: []Opener{
		{PID: 40, FD: 3, Comm: "a) D (b", Path: "/dev/dm-0", Devt: dm0, Write: true, Since: since},
		{PID: 40, FD: 12, Comm: "a) D (b", Path: "/dev/dm-0 (deleted)", Devt: dm0, Write: true, Since: since},
		{PID: 50, FD: 5, Comm: "probe", Path: "/dev/mapper/mpatha", Devt: dm0, Blocked: true, WChan: "blkdev_llseek", Since: since},
		{PID: 928, FD: 10, Comm: "multipathd", Path: "/dev/sdb", Devt: sdb, Blocked: true, Since: since},
		{PID: 1162, FD: 0, Comm: "dd", Path: "/dev/dm-0", Devt: dm0, Blocked: true, WChan: "folio_wait_bit_common", Since: since},
	}}
	got, err := f.Openers(context.Background(), nil)
	require.NoError(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	got, err = f.Openers(context.Background(), func(d DevNum) bool { return d == sdb })
	require.NoError(t, err)
	if diff := cmp.Diff(Openers{List: want.List[3:4]}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A virtual machine has a disk by its generic node alone, and is a user of it.
func TestGenericOpeners(t *testing.T) {
	f := open(t, plant(t, openerDisks+
		"\nsys/devices/2:0:0:1/block/sdi/dev = 8:128"+
		"\nsys/devices/2:0:0:1/scsi_generic/sg3/device -> ../.."+
		"\nsys/devices/2:0:0:1/bsg/2:0:0:1/device -> ../.."+
		"\nsys/class/scsi_generic/sg3 -> ../../devices/2:0:0:1/scsi_generic/sg3"+
		"\nsys/class/bsg/2:0:0:1 -> ../../devices/2:0:0:1/bsg/2:0:0:1"+
		"\nsys/devices/2:0:0:9/scsi_generic/sg4/device -> ../.."+
		"\nsys/class/scsi_generic/sg4 -> ../../devices/2:0:0:9/scsi_generic/sg4"+
		statLines("40", "qemu", "S")+fdLines("40", "11", "/dev/sg3", "0100002")+fdLines("40", "12", "/dev/bsg/2:0:0:1", "0100000")+
		fdLines("40", "13", "/dev/sg4", "0100002")+fdLines("40", "14", "/dev/sg9", "0100002")+fdLines("40", "15", "/dev/kvm", "0100002")))
	got, err := f.Openers(context.Background(), nil)
	require.NoError(t, err)
	require.Empty(t, got.Blind)
	sdi, since := DevNum{8, 128}, time.Unix(1795330400, 0).Add(12500*time.Millisecond)
	require.Empty(t, cmp.Diff([]Opener{
		{PID: 40, FD: 11, Comm: "qemu", Path: "/dev/sg3", Devt: sdi, Write: true, Since: since},
		{PID: 40, FD: 12, Comm: "qemu", Path: "/dev/bsg/2:0:0:1", Devt: sdi, Since: since},
	}, got.List))
}

// What cannot be understood has not been looked at.
func TestBlindOpeners(t *testing.T) {
	f := open(t, plant(t, openerDisks+
		"\nproc/30/fd = not a directory"+
		"\nproc/31/fd/3 = not a link"+
		statLines("32", "x", "S")+"\nproc/32/fd/3 -> /dev/dm-0\nproc/32/fdinfo/3 = garbage"+
		"\nproc/33/stat = garbage"+fdLines("33", "3", "/dev/dm-0", "0100000")))
	got, err := f.Openers(context.Background(), nil)
	require.NoError(t, err)
	require.Empty(t, got.List)
	require.Equal(t, []int{30, 32, 33}, blindPIDs(got.Blind))
	require.ErrorIs(t, got.Blind[0].Err, fs.ErrPermission)
	for _, b := range got.Blind[1:] {
		require.ErrorIs(t, b.Err, fs.ErrInvalid)
		require.NotErrorIs(t, b.Err, fs.ErrPermission)
	}
}

func blindPIDs(all []Blind) []int {
	var out []int
	for _, b := range all {
		out = append(out, b.PID)
	}
	return out
}

func TestMountKinds(t *testing.T) {
	f := open(t, plant(t, `
sys/
proc/9/ns/mnt -> mnt:[1]
proc/9/mountinfo = 30 27 0:7 / /dev rw - devtmpfs dev rw
proc/10/ns/mnt -> mnt:[2]
proc/10/mountinfo = 40 27 0:50 / /home rw - nfs4 server:/home rw
proc/11/ns/mnt -> mnt:[2]`))
	m := newMountTypes(f)
	tests := []struct {
		proc string
		id   uint64
		want mountKind
	}{
		{"9", 30, mountLocal}, {"10", 40, mountRemote}, {"11", 40, mountRemote}, {"11", 41, mountUnlisted},
		{"10", 30, mountLocal}, {"12", 99, mountUnlisted},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, m.of(tt.proc, tt.id), "%s %d", tt.proc, tt.id)
	}
	for fstype, want := range map[string]mountKind{"ext4": mountLocal, "overlay": mountLocal, "fuse": mountRemote,
		"fuse.sshfs": mountRemote, "cifs": mountRemote, "never-seen": mountRemote, "": mountRemote} {
		require.Equal(t, want, kindOf(fstype), fstype)
	}
}
