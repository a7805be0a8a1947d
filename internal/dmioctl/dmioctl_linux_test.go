package dmioctl

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The layout written down here is that of the kernel's header.
func TestLayout(t *testing.T) {
	var h unix.DmIoctl
	require.EqualValues(t, HeaderSize, unsafe.Sizeof(h))
	require.EqualValues(t, 12, unsafe.Offsetof(h.Data_size))
	require.EqualValues(t, 16, unsafe.Offsetof(h.Data_start))
	require.EqualValues(t, 20, unsafe.Offsetof(h.Target_count))
	require.EqualValues(t, 24, unsafe.Offsetof(h.Open_count))
	require.EqualValues(t, 28, unsafe.Offsetof(h.Flags))
	require.EqualValues(t, 32, unsafe.Offsetof(h.Event_nr))
	require.EqualValues(t, 40, unsafe.Offsetof(h.Dev))
	require.EqualValues(t, nameAt, unsafe.Offsetof(h.Name))
	require.EqualValues(t, uuidAt, unsafe.Offsetof(h.Uuid))
	require.EqualValues(t, nameLen, unsafe.Sizeof(h.Name))
	require.EqualValues(t, uuidLen, unsafe.Sizeof(h.Uuid))

	var s unix.DmTargetSpec
	require.EqualValues(t, specSize, unsafe.Sizeof(s))
	require.EqualValues(t, 20, unsafe.Offsetof(s.Next))
	require.EqualValues(t, specType, unsafe.Offsetof(s.Target_type))
}

func TestNumbers(t *testing.T) {
	for got, want := range map[uint32]uint32{
		Version: unix.DM_VERSION, ListDevices: unix.DM_LIST_DEVICES, DevRemove: unix.DM_DEV_REMOVE,
		DevSuspend: unix.DM_DEV_SUSPEND, DevStatus: unix.DM_DEV_STATUS,
		TableStatus: unix.DM_TABLE_STATUS, TargetMsg: unix.DM_TARGET_MSG,
	} {
		require.Equal(t, want&0xff, got)
	}
}
