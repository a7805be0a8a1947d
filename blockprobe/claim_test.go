package blockprobe

import (
	"context"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClaimed(t *testing.T) {
	for errno, want := range map[syscall.Errno]bool{0: false, syscall.EBUSY: true, syscall.ENXIO: false, syscall.EIO: false, syscall.ENODEV: false} {
		p := New(WithClaim(func(path string) error {
			if errno == 0 {
				return nil
			}
			return &fs.PathError{Op: "open", Path: path, Err: errno}
		}))
		held, err := p.Claimed(context.Background(), Target{Node: "/dev/sdi"})
		require.NoError(t, err, errno.Error())
		require.Equal(t, want, held, errno.Error())
	}
}

// Nothing was learnt: a node that is not there, no right to open it, and an open
// that does not come back.
func TestClaimUnknown(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOENT, syscall.EACCES, syscall.EMFILE} {
		p := New(WithClaim(func(path string) error { return &fs.PathError{Op: "open", Path: path, Err: errno} }))
		_, err := p.Claimed(context.Background(), Target{Node: "/dev/sdi"})
		require.ErrorIs(t, err, errno)
	}
	release := make(chan struct{})
	defer close(release)
	p := New(WithTimeout(10*time.Millisecond), WithClaim(func(string) error { <-release; return nil }))
	_, err := p.Claimed(context.Background(), Target{Node: "/dev/sdi"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
