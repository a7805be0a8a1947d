package sysfs

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// A SCSI disk that LIO passes through by a backstore in physical HBA mode (hba_mode 1):
// drivers/target/target_core_pscsi.c prints "PHBA Mode" where the host's number stands
// otherwise. The disk is exported, or what is exported cannot be told; it is not "no export".
func TestExportInPhysicalHBAMode(t *testing.T) {
	info := "Status: ACTIVATED  Max Queue Depth: 32  SectorSize: 512  HwMaxSectors: 1024\n" +
		"SCSI Device Bus Location: Channel ID: 0 Target ID: 0 LUN: 1 Host ID: PHBA Mode\n        Vendor: LIO-ORG  Model: vol-pg-7 Rev: 4.0\n"
	f := open(t, plant(t, "sys/module/target_core_mod/refcnt = 3",
		"sys/kernel/config/target/core/pscsi_3/z/info : "+hexOf(info),
		"sys/kernel/config/target/core/pscsi_3/z/udev_path = /dev/sdi"))
	got, err := f.Exports(context.Background())
	if err == nil {
		require.NotEmpty(t, got, "an export that nobody is told of")
	}
}

// A tape that is passed through in physical HBA mode needs no udev_path (nor has one that was
// made and not configured yet): a disk does, for the kernel opens it by that.
func TestHBAModeWithoutPath(t *testing.T) {
	root := plant(t, "sys/module/target_core_mod/\nsys/kernel/config/target/core/pscsi_1/tape/udev_path = \nproc/\n",
		"sys/kernel/config/target/core/pscsi_1/tape/info = SCSI Device Bus Location: Channel ID: 0 Target ID: 3 LUN: 0 Host ID: PHBA Mode\n")
	got, err := open(t, root).Exports(t.Context())
	require.NoError(t, err, "what else is exported cannot be told: every LU of the host counts as in use")
	require.Empty(t, got)
}
