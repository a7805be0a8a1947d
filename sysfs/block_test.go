package sysfs

import (
	"context"
	"fmt"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestBlocks(t *testing.T) {
	f := open(t, plant(t, captured(t, "multipath.txt")))
	got, err := f.Blocks(context.Background())
	require.NoError(t, err)
	const size = 65536 * 512
	want := []Block{
		{Name: "dm-0", Devt: DevNum{254, 0}, Size: size, DiskSeq: 9, Slaves: []string{"sdc", "sdg"},
			DM: &DM{Name: "mpatha", UUID: "mpath-1Linux_scsi_debug_2002"}},
		{Name: "dm-1", Devt: DevNum{254, 1}, Size: size, DiskSeq: 10, Holders: []string{"dm-4"}, Slaves: []string{"sda", "sde"},
			DM: &DM{Name: "mpathb", UUID: "mpath-1Linux_scsi_debug_2000"}},
		{Name: "dm-4", Devt: DevNum{254, 4}, Size: 16384 * 512, DiskSeq: 13, Slaves: []string{"dm-1"},
			DM: &DM{Name: "mpathb-part1", UUID: "part1-mpath-1Linux_scsi_debug_2000"}},
		{Name: "sda", Devt: DevNum{8, 0}, Size: size, DiskSeq: 1, Holders: []string{"dm-1"}, SCSI: &HCTL{0, 0, 0, 0}},
		{Name: "sdc", Devt: DevNum{8, 32}, Size: size, DiskSeq: 3, Holders: []string{"dm-0"}, SCSI: &HCTL{0, 0, 0, 2}},
		{Name: "sde", Devt: DevNum{8, 64}, Size: size, DiskSeq: 5, Holders: []string{"dm-1"}, SCSI: &HCTL{1, 0, 0, 0}},
		{Name: "sdg", Devt: DevNum{8, 96}, Size: size, DiskSeq: 7, Holders: []string{"dm-0"}, SCSI: &HCTL{1, 0, 0, 2}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, w := range want {
		one, err := f.Block(t.Context(), w.Name)
		require.NoError(t, err)
		if diff := cmp.Diff(w, one); diff != "" {
			t.Errorf("%s: -want +got:\n%s", w.Name, diff)
		}
	}
}

func TestBlock(t *testing.T) {
	tests := []struct {
		name string
		tree string
		want Block
	}{
		{"a map whose disk has gone: the link stays", `
sys/block/sdb/dev = 8:16
sys/block/sda/dev = 253:0
sys/block/sda/slaves/sdb -> ../../sdb
sys/block/sda/slaves/sdc -> ../../sdc`,
			Block{Name: "sda", Devt: DevNum{253, 0}, Slaves: []string{"sdb"}, Gone: []string{"sdc"}}},
		{"partitions", `
sys/block/sda/dev = 8:0
sys/block/sda/size = 2048
sys/block/sda/ro = 1
sys/block/sda/sda10/partition = 10
sys/block/sda/sda10/dev = 8:10
sys/block/sda/sda2/partition = 2
sys/block/sda/sda2/dev = 8:2
sys/block/sda/sda2/holders/dm-3 -> ../../../dm-3
sys/block/sda/sda10/holders/
sys/block/sda/sdaqueue/nr = 1`,
			Block{Name: "sda", Devt: DevNum{8, 0}, Size: 1 << 20, ReadOnly: true, Partitions: []Partition{
				{Name: "sda2", Devt: DevNum{8, 2}, Holders: []string{"dm-3"}},
				{Name: "sda10", Devt: DevNum{8, 10}},
			}}},
		{"a partition going away takes no disk with it", `
sys/block/sda/dev = 8:0
sys/block/sda/sda1/partition = 1
sys/block/sda/sda2/partition = 2
sys/block/sda/sda2/holders/
sys/block/sda/sda2/dev = 8:2`,
			Block{Name: "sda", Devt: DevNum{8, 0}, Partitions: []Partition{{Name: "sda2", Devt: DevNum{8, 2}}}}},
		{"loop device", `
sys/block/loop0/dev = 7:0
sys/block/loop0/loop/backing_file = /srv/disk images/a  (deleted)`,
			Block{Name: "loop0", Devt: DevNum{7, 0}, BackingFile: "/srv/disk images/a  (deleted)"}},
		{"loop device without a file", `
sys/block/loop0/dev = 7:0
sys/block/loop0/loop/`,
			Block{Name: "loop0", Devt: DevNum{7, 0}}},
		{"not SCSI", `
sys/block/nvme0n1/dev = 259:0
sys/block/nvme0n1/diskseq = 18446744073709551615
sys/block/nvme0n1/device -> ../../nvme0`,
			Block{Name: "nvme0n1", Devt: DevNum{259, 0}, DiskSeq: 1<<64 - 1}},
		{"suspended map without a uuid", `
sys/block/dm-7/dev = 253:7
sys/block/dm-7/dm/name = a name with blanks 
sys/block/dm-7/dm/uuid : 0a
sys/block/dm-7/dm/suspended = 1`,
			Block{Name: "dm-7", Devt: DevNum{253, 7}, DM: &DM{Name: "a name with blanks ", Suspended: true}}},
		{"long uuid", `
sys/block/dm-7/dev = 253:7
sys/block/dm-7/dm/name = x
sys/block/dm-7/dm/uuid = mpath-1ATA     QEMU HARDDISK 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
sys/block/dm-7/dm/suspended = 0`,
			Block{Name: "dm-7", Devt: DevNum{253, 7}, DM: &DM{Name: "x",
				UUID: "mpath-1ATA     QEMU HARDDISK 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := open(t, plant(t, tt.tree))
			got, err := f.Block(t.Context(), tt.want.Name)
			require.NoError(t, err)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Half of a device is none: it went away while it was read.
func TestVanishingBlocks(t *testing.T) {
	f := open(t, plant(t, `
sys/block/sda/dev = 8:0
sys/block/sdb -> ../devices/gone/block/sdb
sys/block/sdc/size = 8
sys/block/sdd/holders -> gone
sys/block/sdd/dev = 8:48
sys/block/dm-0/dm/name = mpatha
sys/block/dm-0/dev = 253:0`))
	got, err := f.Blocks(context.Background())
	require.NoError(t, err)
	if diff := cmp.Diff([]Block{{Name: "sda", Devt: DevNum{8, 0}}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, name := range []string{"sdb", "sdc", "sdd", "dm-0", "sdz"} {
		got, err := f.Block(t.Context(), name)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
		require.Zero(t, got)
	}
}

func TestBadBlocks(t *testing.T) {
	for _, tree := range []string{
		"sys/block/sda/dev = eight",
		"sys/block/sda/dev = 8:0\nsys/block/sda/size = -1",
		"sys/block/sda/dev = 8:0\nsys/block/sda/size/",
	} {
		f := open(t, plant(t, tree))
		got, err := f.Blocks(context.Background())
		require.Error(t, err, tree)
		require.Empty(t, got)
		var pe *fs.PathError
		require.ErrorAs(t, err, &pe)
	}
}

func TestBlockName(t *testing.T) {
	f := open(t, plant(t, "sys/block/sda/dev = 8:0", "sys/dev = 1:1"))
	for _, name := range []string{"", ".", "..", "../block/sda", "/sda", "sda/"} {
		_, err := f.Block(t.Context(), name)
		require.ErrorIs(t, err, fs.ErrInvalid, "%q", name)
	}
}

func BenchmarkBlocks(b *testing.B) {
	const disks = 500
	var tree []string
	for i := range disks {
		d := fmt.Sprintf("sys/block/dm-%d/", i)
		tree = append(tree, d+"dev = 253:"+fmt.Sprint(i), d+"size = 8", d+"ro = 0", d+"diskseq = 1", d+"holders/",
			d+"slaves/sda -> x", d+"slaves/sdb -> x", d+"dm/name = m", d+"dm/uuid = mpath-3600", d+"dm/suspended = 0")
	}
	f := open(b, plant(b, tree...))
	b.ReportAllocs()
	for b.Loop() {
		got, err := f.Blocks(context.Background())
		if err != nil || len(got) != disks {
			b.Fatal(len(got), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*disks), "ns/disk")
}

func TestBlocksNamed(t *testing.T) {
	f := open(t, plant(t, captured(t, "iscsi.txt")))
	all, err := f.Blocks(t.Context())
	require.NoError(t, err)
	require.Greater(t, len(all), 2)
	got, err := f.BlocksNamed(t.Context(), []string{all[1].Name, "sdnone", all[0].Name})
	require.NoError(t, err)
	if diff := cmp.Diff([]Block{all[1], all[0]}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, err = f.BlocksNamed(t.Context(), []string{all[0].Name, "../" + all[0].Name})
	require.ErrorIs(t, err, fs.ErrInvalid)
}

func TestLoops(t *testing.T) {
	f := open(t, plant(t, `
sys/block/loop10/dev = 7:10
sys/block/loop10/loop/backing_file = /dev/sdb
sys/block/loop2/dev = 7:2
sys/block/sdb/dev = 8:16`))
	got, err := f.Loops(t.Context())
	require.NoError(t, err)
	want := []Block{{Name: "loop2", Devt: DevNum{7, 2}}, {Name: "loop10", Devt: DevNum{7, 10}, BackingFile: "/dev/sdb"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
