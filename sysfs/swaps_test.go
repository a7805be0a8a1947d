package sysfs

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

const swapsText = `Filename				Type		Size		Used		Priority
/dev/dm-1                               partition	8388604		1024		-2
/dev/loop0                              partition	8188		0		-1
/swap\040file\040(deleted)              file		4194300		0		5
`

func TestSwaps(t *testing.T) {
	tree := []string{"sys/block/dm-1/dev = 254:1"}
	f := open(t, plant(t, append(tree, "proc/swaps : "+hexOf(swapsText))...))
	got, err := f.Swaps(context.Background())
	require.NoError(t, err)
	want := []Swap{
		{"/dev/dm-1", SwapPartition, DevNum{254, 1}, 8388604 << 10, 1 << 20},
		{"/dev/loop0", SwapPartition, DevNum{}, 8188 << 10, 0},
		{"/swap file (deleted)", SwapFile, DevNum{}, 4194300 << 10, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestNoSwaps(t *testing.T) {
	f := open(t, plant(t, "sys/", "proc/sys/kernel/hostname = x"))
	got, err := f.Swaps(context.Background())
	require.NoError(t, err, "a kernel without swap")
	require.Empty(t, got)

	f = open(t, plant(t, "sys/", "proc/swaps = Filename Type Size Used Priority"))
	got, err = f.Swaps(context.Background())
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestBadSwaps(t *testing.T) {
	for _, text := range []string{"x", "/dev/sda partition 1 2", "/dev/sda partition -1 0 0", "/dev/sda partition 1 x 0",
		"/dev/sda partition 1 0 0 0", "/dev/sda partition 18446744073709551615 0 0"} {
		got, err := parseSwaps([]byte(text))
		require.Error(t, err, text)
		require.Empty(t, got)
	}
}

func FuzzParseSwaps(f *testing.F) {
	f.Add([]byte(swapsText))
	f.Add([]byte("/dev/sda partition 1 0 0"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseSwaps(text)
		if err != nil {
			require.Empty(t, got)
		}
		for _, s := range got {
			require.Zero(t, s.Size%1024)
			require.Zero(t, s.Devt)
		}
	})
}
