package blockprobe

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
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

// An exclusive open that does not come back is listed beside the reads, for as
// long as it lasts.
func TestClaimStuck(t *testing.T) {
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	p := New(WithTimeout(10*time.Millisecond), WithClaim(func(string) error { <-release; return nil }),
		WithRead(func(string, []byte) (int, error) { <-release; return 0, syscall.EIO }))
	_, err := p.Claimed(t.Context(), Target{Node: "/dev/sdi"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	p.Probe(t.Context(), Target{Node: "/dev/dm-12", Usable: -1})
	_, err = p.Claimed(t.Context(), Target{Node: "/dev/sdj"})
	require.ErrorIs(t, err, context.DeadlineExceeded)

	var listed []string
	for _, s := range p.Stuck() {
		require.False(t, s.Since.IsZero())
		listed = append(listed, fmt.Sprint(s.Key, " ", s.Claim))
	}
	require.Equal(t, []string{"/dev/sdi true", "/dev/dm-12 false", "/dev/sdj true"}, listed)
	free()
	require.Eventually(t, func() bool { return len(p.Stuck()) == 0 }, 5*time.Second, time.Millisecond)
}
