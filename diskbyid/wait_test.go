package diskbyid

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

const (
	naa      = "36001405a0b1c2d100000000000000000"
	links    = "dev/disk/by-id/scsi-" + naa + " -> ../../dm-2\ndev/disk/by-id/wwn-0x" + "6001405a0b1c2d100000000000000000 -> ../../dm-2\n"
	withNode = links + "dev/dm-2 =\n"
	part     = "dev/disk/by-id/scsi-" + naa + "-part1 -> ../../dm-3\ndev/dm-3 =\n"
)

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func later(t *testing.T, fn func() error) {
	t.Helper()
	done := make(chan error, 1)
	time.AfterFunc(30*time.Millisecond, func() { done <- fn() })
	t.Cleanup(func() { require.NoError(t, <-done) })
}

func leftNames(links []Link) []string {
	var out []string
	for _, l := range links {
		out = append(out, l.Name)
	}
	return out
}

func TestWaitGone(t *testing.T) {
	root := plant(t, withNode)
	dir := filepath.Join(root, "dev/disk/by-id")
	later(t, func() error { return os.RemoveAll(dir) })
	left, err := open(t, root).WaitGone(t.Context(), naa, nil)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestWaitGoneLeft(t *testing.T) {
	all := []string{"scsi-" + naa, "wwn-0x" + naa[1:]}
	tests := []struct {
		name, tree string
		ours       func(string) bool
		left       []string
		late       bool
	}{
		{"nothing there", "dev/null =\n", nil, nil, false},
		{"ours", withNode, func(dev string) bool { return dev == "dm-2" }, all, true},
		{"everything is ours", withNode, nil, all, true},
		{"a newcomer's", withNode, func(dev string) bool { return dev == "sdi" }, all, false},
		{"dangling", links + "dev/null =\n", func(string) bool { return false }, all, true},
		{"of another disk", withNode, nil, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wwid := naa
			if tt.name == "of another disk" {
				wwid = naa[:len(naa)-1]
			}
			left, err := open(t, plant(t, tt.tree)).WaitGone(soon(t), wwid, tt.ours)
			require.Equal(t, tt.late, err != nil, "%v", err)
			if diff := cmp.Diff(tt.left, leftNames(left)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if tt.late {
				var le *LeftError
				require.True(t, errors.As(err, &le))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, wwid, le.WWID)
				if diff := cmp.Diff(left, le.Links); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				require.NotEmpty(t, le.Error())
			}
		})
	}
}

func TestWaitMoved(t *testing.T) {
	root := plant(t, withNode+part+"dev/dm-9 =\n")
	dir := filepath.Join(root, "dev/disk/by-id")
	d := open(t, root)
	require.NoError(t, d.WaitMoved(t.Context(), naa, "dm-2"), "the partition's link does not count")

	later(t, func() error {
		for _, name := range []string{"scsi-" + naa, "wwn-0x" + naa[1:]} {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
			if err := os.Symlink("../../dm-9", filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, d.WaitMoved(t.Context(), naa, "dm-9"))
}

func TestWaitMovedLeft(t *testing.T) {
	for name, tt := range map[string]struct {
		tree string
		want []string
	}{
		"elsewhere": {withNode + part, []string{"scsi-" + naa, "wwn-0x" + naa[1:]}},
		"no link":   {"dev/dm-9 =\n" + part, nil},
		"dangling":  {"dev/null =\ndev/disk/by-id/scsi-" + naa + " -> ../../dm-9\n", []string{"scsi-" + naa}},
	} {
		t.Run(name, func(t *testing.T) {
			err := open(t, plant(t, tt.tree)).WaitMoved(soon(t), naa, "dm-9")
			var le *LeftError
			require.True(t, errors.As(err, &le))
			if diff := cmp.Diff(tt.want, leftNames(le.Links)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			require.NotEmpty(t, le.Error())
		})
	}
}

// A wait whose context has ended does not look, and says so by the same type.
func TestWaitEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := open(t, plant(t, withNode)).WaitGone(ctx, naa, nil)
	var le *LeftError
	require.True(t, errors.As(err, &le))
	require.ErrorIs(t, err, context.Canceled)
}

func TestWaitError(t *testing.T) {
	_, err := open(t, plant(t, "")).WaitGone(t.Context(), naa, nil)
	require.Error(t, err, "no /dev at all")
	require.False(t, errors.Is(err, context.DeadlineExceeded))
}
