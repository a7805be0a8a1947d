package diskbyid

import (
	"context"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

const mixed = `
dev/dm-0 =
dev/sda1 =
dev/cciss/c0d0 =
dev/mapper/mpatha -> ../dm-0
dev/loop1 -> loop2
dev/mapper/a -> b
dev/mapper/b -> a
dev/disk/by-id/cciss-3600 -> ../../cciss/c0d0
dev/disk/by-id/dm-uuid-mpath-3600 -> /dev/dm-0
dev/disk/by-id/loop -> ../../mapper/a
dev/disk/by-id/old -> ../../mapper/mpatha
dev/disk/by-id/scsi-3600-part1 -> ../../sda1
dev/disk/by-id/wwn-0x600 -> ../../sdq`

var mixedLinks = []Link{
	{"cciss-3600", "../../cciss/c0d0", "cciss!c0d0", false},
	{"dm-uuid-mpath-3600", "/dev/dm-0", "dm-0", false},
	{"loop", "../../mapper/a", "mapper!a", false},
	{"old", "../../mapper/mpatha", "dm-0", false},
	{"scsi-3600-part1", "../../sda1", "sda1", false},
	{"wwn-0x600", "../../sdq", "sdq", true},
}

func TestList(t *testing.T) {
	d := open(t, plant(t, mixed))
	got, err := d.List(context.Background())
	require.NoError(t, err)
	if diff := cmp.Diff(mixedLinks, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, want := range mixedLinks {
		got, err := d.Resolve(context.Background(), want.Name)
		require.NoError(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestNoDirectory(t *testing.T) {
	d := open(t, plant(t, "dev/null ="))
	got, err := d.List(context.Background())
	require.NoError(t, err)
	require.Empty(t, got)

	d = open(t, plant(t, ""))
	_, err = d.List(context.Background())
	require.ErrorIs(t, err, fs.ErrNotExist, "no /dev")
}

func TestResolveErrors(t *testing.T) {
	d := open(t, plant(t, mixed))
	for name, want := range map[string]error{"": fs.ErrInvalid, ".": fs.ErrInvalid, "..": fs.ErrInvalid,
		"../by-id/old": fs.ErrInvalid, "nothing": fs.ErrNotExist} {
		got, err := d.Resolve(context.Background(), name)
		require.ErrorIs(t, err, want, "%q", name)
		require.Zero(t, got)
	}
}

func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d := open(t, plant(t, mixed))
	_, err := d.List(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = d.Resolve(ctx, "old")
	require.ErrorIs(t, err, context.Canceled)
	_, err = d.Naming(ctx, "3600")
	require.ErrorIs(t, err, context.Canceled)
}

func TestNaming(t *testing.T) {
	d := open(t, plant(t, captured(t, "multipath.txt")))
	tests := []struct {
		wwid string
		want []Link
	}{
		{"1Linux_scsi_debug_2000", []Link{
			{"dm-uuid-mpath-1Linux_scsi_debug_2000", "../../dm-1", "dm-1", false},
			{"dm-uuid-part1-mpath-1Linux_scsi_debug_2000", "../../dm-4", "dm-4", false},
			{"scsi-1Linux_scsi_debug_2000", "../../dm-1", "dm-1", false},
			{"scsi-1Linux_scsi_debug_2000-part1", "../../dm-4", "dm-4", false},
		}},
		{"1Linux scsi debug 2002", []Link{
			{"dm-uuid-mpath-1Linux_scsi_debug_2002", "../../dm-0", "dm-0", false},
			{"scsi-1Linux_scsi_debug_2002", "../../dm-0", "dm-0", false},
		}},
		{"333333330000007d0", []Link{
			{"scsi-333333330000007d0", "../../sde", "sde", false},
			{"wwn-0x33333330000007d0", "../../sde", "sde", false},
		}},
		{"1Linux_scsi_debug_200", nil},
		{"", nil},
	}
	for _, tt := range tests {
		got, err := d.Naming(context.Background(), tt.wwid)
		require.NoError(t, err)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q: -want +got:\n%s", tt.wwid, diff)
		}
	}
}
