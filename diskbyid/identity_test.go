package diskbyid

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestIdentity(t *testing.T) {
	const naa = "36001405a0b1c2d100000000000000000"
	tests := []struct {
		name, want string
		partition  bool
	}{
		{"scsi-" + naa, naa, false},
		{"scsi-" + naa + "-part1", naa, true},
		{"wwn-0x" + naa[1:], naa, false},
		{"wwn-0x" + naa[1:] + "-part12", naa, true},
		{"wwn-0x5000c500a1b2c3d4", "35000c500a1b2c3d4", false},
		{"dm-uuid-mpath-" + naa, naa, false},
		{"dm-uuid-part1-mpath-" + naa, naa, true},
		{"dm-uuid-mpath-" + naa + "-part1", naa, true},
		{"scsi-1LIO-ORG_FILEIO:a0b1c2d0-0000-0000-0000-000000000000", "1LIO-ORG_FILEIO:a0b1c2d0-0000-0000-0000-000000000000", false},
		{"scsi-SLIO-ORG_FILEIO_a0b1c2d0", "SLIO-ORG_FILEIO_a0b1c2d0", false},
		{`dm-uuid-mpath-1ATA\x20QEMU`, "1ATA QEMU", false},
		{"scsi-20025385b71b0c7e1", "20025385b71b0c7e1", false},
		{"scsi-0QEMU_QEMU_HARDDISK_drive-scsi0", "0QEMU_QEMU_HARDDISK_drive-scsi0", false},
		{"nvme-eui.0025385b71b0c7e1", "eui.0025385b71b0c7e1", false},
		{"nvme-eui.0025385b71b0c7e1-part2", "eui.0025385b71b0c7e1", true},
		{"nvme-uuid.6f1c7a0e-0000-4000-8000-000000000001", "uuid.6f1c7a0e-0000-4000-8000-000000000001", false},
		{"nvme-Samsung_SSD_970_S4EWNX0M", "", false},
		{"wwn-0xLinux_scsi_debug_2000", "", false},
		{"wwn-0xLinux_scsi_debug_2000-part1", "", true},
		{"wwn-0x6001405a0b1c2d10", "", false}, // the first half alone is no identity
		{"wwn-0x1000c500a1b2c3d4", "", false},
		{"wwn-0x", "", false},
		{"scsi-3LIO", "", false},
		{"scsi-3", "", false},
		{"scsi-", "", false},
		{"scsi-4abc", "", false},
		{"dm-name-" + naa, "", false},
		{"dm-name-mpatha-part1", "", true},
		{"dm-uuid-LVM-DLYabc", "", false},
		{"dm-uuid-CRYPT-LUKS2-mpath-3600", "", false},
		{"dm-uuid-part-mpath-3600", "", false},
		{"dm-uuid-partx-mpath-3600", "", false},
		{"dm-uuid-mpath-", "", false},
		{"ata-QEMU_HARDDISK_QM00001", "", false},
		{"lvm-pv-uuid-abc", "", false},
		{"scsi", "", false},
		{"", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Identity(tt.name)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			require.Equal(t, tt.want != "", ok)
			_, partition := identity(tt.name)
			require.Equal(t, tt.partition, partition)
		})
	}
}

func TestMisleading(t *testing.T) {
	const a, b = "36001405a0b1c2d100000000000000000", "36001405a0b1c2d200000000000000000"
	of := map[string]string{"dm-0": a, "dm-1": b, "sda": "1Linux_scsi_debug_2000", "sdb": "1Linux scsi debug 2001",
		"sdc": "35000c500a1b2c3d4", "sdd": "32000c500a1b2c3d4", "sde": "20025385b71b0c7e1", "nvme0n1": "eui.1"}
	tests := []struct {
		name, dev string
		want      bool
	}{
		{"scsi-" + a, "dm-0", false},
		{"scsi-" + b, "dm-0", true},
		{"wwn-0x" + b[1:], "dm-0", true},
		{"dm-uuid-mpath-" + a, "dm-1", true},
		{"dm-uuid-part1-mpath-" + a, "dm-1", true},
		{"scsi-" + a, "unknown", false},
		{"scsi-" + a, "sdc", false},              // NAA 6 beside NAA 5
		{"wwn-0x5000c500a1b2c3d4", "sdd", false}, // NAA 5 beside NAA 2
		{"wwn-0x5000c500a1b2c3d5", "sdc", true},
		{"scsi-SLIO-ORG_FILEIO_x", "dm-0", false},
		{"scsi-333333330000007d0", "sda", false},
		{"scsi-1Linux_scsi_debug_2000", "sda", false},
		{"scsi-1Linux_scsi_debug_2001", "sdb", false},
		{"scsi-1Linux_scsi_debug_2002", "sda", true},
		{"scsi-20025385b71b0c7e2", "sde", true},
		{"scsi-20025385b71b0c7e2aabbccdd", "sde", false},
		{"nvme-eui.2", "nvme0n1", false},
		{"dm-name-" + b, "dm-0", false},
	}
	var links, want []Link
	for _, tt := range tests {
		l := Link{Name: tt.name, Dev: tt.dev}
		links = append(links, l)
		if tt.want {
			want = append(want, l)
		}
	}
	links = append(links, Link{Name: "scsi-" + b, Dev: "dm-0", Dangling: true})
	got := Misleading(links, func(dev string) string { return of[dev] })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What udev made for real disks contradicts nothing that is true of them.
func TestCapturedIsNotMisleading(t *testing.T) {
	d := open(t, plant(t, captured(t, "iscsi.txt")))
	links, err := d.List(t.Context())
	require.NoError(t, err)
	require.Len(t, links, 18)
	of := map[string]string{}
	for _, l := range links {
		require.False(t, l.Dangling, l.Name)
		if wwid, ok := Identity(l.Name); ok && wwid[0] == '3' {
			of[l.Dev] = wwid
		}
	}
	require.Len(t, of, 3)
	require.Empty(t, Misleading(links, func(dev string) string { return of[dev] }))
}

func FuzzIdentity(f *testing.F) {
	for _, s := range []string{"scsi-3600", "dm-uuid-part1-mpath-3600", "wwn-0x6", `nvme-eui.\x20`, "-part1", "scsi-1-part1-part2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		wwid, ok := Identity(name)
		require.Equal(t, ok, wwid != "")
		if ok {
			require.True(t, claims(name, wwid))
		}
		again, _ := Identity(name)
		require.Equal(t, wwid, again)
		if !strings.Contains(name, "-") {
			require.False(t, ok)
		}
	})
}
