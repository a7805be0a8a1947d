package diskbyid

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/sysfs"
)

func TestKnown(t *testing.T) {
	fs, err := sysfs.New(plant(t, "run/udev/data/b8:16 =\n"))
	require.NoError(t, err)
	d := New(fs)
	for minor, want := range map[uint32]bool{16: true, 32: false} {
		known, err := d.Known(t.Context(), sysfs.DevNum{Major: 8, Minor: minor})
		require.NoError(t, err)
		require.Equal(t, want, known)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Known(ended, sysfs.DevNum{})
	require.ErrorIs(t, err, context.Canceled)
}
