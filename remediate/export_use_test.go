package remediate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/sysfs"
)

// An export by a link that udev has taken away since: which disk it is of cannot be told.
func TestExportByALinkThatHasGone(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"nvmet": {
			"sys/kernel/config/nvmet/subsystems/nqn/namespaces/1/device_path": "/dev/disk/by-id/wwn-0x60014055e7c14d0b8aa4f6e92d3b7c05\n",
			"sys/kernel/config/nvmet/subsystems/nqn/namespaces/1/enable":      "1\n",
			"sys/module/nvmet/refcnt":                                         "1\n",
		},
		"fileio": {
			"sys/kernel/config/target/core/fileio_0/y/info": "Status: ACTIVATED  Max Queue Depth: 128\n        TCM FILEIO ID: 0        File: /dev/disk/by-id/wwn-0x60014055e7c14d0b8aa4f6e92d3b7c05  Size: 16777216  Mode: O_DSYNC Async: 0\n",
			"sys/module/target_core_mod/refcnt":             "1\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := unmultipathed(t)
			s.Remap(s.lu, s.another("vol-n"))
			for file, text := range files {
				file = filepath.Join(s.Tree(), file)
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
				require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
			}
			require.NoError(t, os.RemoveAll(filepath.Join(s.Tree(), "dev/disk/by-id/wwn-0x60014055e7c14d0b8aa4f6e92d3b7c05")))
			d := s.find(t)
			require.False(t, d.Removable, "%s, in use by %v", d.Verdict, d.InUse)
		})
	}
}

// A Xen guest has the disk: blkback opens it from within the kernel, without a holder.
func TestXenGuest(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	s.Unmap(s.lu)
	dev, err := os.ReadFile(filepath.Join(s.Tree(), "sys/block/sdi/dev"))
	require.NoError(t, err)
	n, err := sysfs.ParseDevNum(strings.TrimSpace(string(dev)))
	require.NoError(t, err)
	dir := filepath.Join(s.Tree(), "sys/bus/xen-backend/devices/vbd-3-51712")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "physical_device"), fmt.Appendf(nil, "%x:%x\n", n.Major, n.Minor), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mode"), []byte("w\n"), 0o644))
	d := s.find(t)
	require.False(t, d.Removable, "%s, in use by %v", d.Verdict, d.InUse)
}

// The host passes a tape through to others, in physical HBA mode: that is no use of a disk.
func TestTapePassedThrough(t *testing.T) {
	t.Parallel()
	s := unmultipathed(t)
	s.Unmap(s.lu)
	for name, text := range map[string]string{
		"sys/module/target_core_mod/refcnt":                    "3\n",
		"sys/kernel/config/target/core/pscsi_3/tape/udev_path": "/dev/st0\n",
		"sys/kernel/config/target/core/pscsi_3/tape/info":      "Status: ACTIVATED  Max Queue Depth: 32\nSCSI Device Bus Location: Channel ID: 0 Target ID: 3 LUN: 0 Host ID: PHBA Mode\n        Vendor: IBM  Model: ULT3580 Rev: 1\n",
	} {
		p := filepath.Join(s.Tree(), name)
		require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o755))
		require.NoError(t, os.WriteFile(p, []byte(text), 0o644))
	}
	require.NoError(t, os.Symlink("/dev/null", filepath.Join(s.Tree(), "dev/st0"))) // any character device
	d := s.find(t)
	require.Empty(t, d.InUse)
	require.True(t, d.Removable, "%v", d.Reasons)
}
