package sysfs

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The error of a write that has not come back names the kernel function that
// its thread sleeps in, as far as the kernel tells.
func TestPinTellsWhereItIsStuck(t *testing.T) {
	var pipe [2]int
	require.NoError(t, syscall.Pipe(pipe[:]))
	var writer atomic.Int64
	p := pin(t, plant(t, pinTree), WithWrite(func(*os.File, []byte) error {
		writer.Store(int64(syscall.Gettid()))
		_, err := syscall.Read(pipe[0], make([]byte, 1))
		return err
	}))
	defer syscall.Close(pipe[1])
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	err := p.Delete(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	text, _ := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/wchan", writer.Load()))
	if where := strings.TrimSpace(string(text)); where != "" && where != "0" {
		require.Contains(t, err.Error(), "it sleeps in "+where)
	} else {
		require.NotContains(t, err.Error(), "it sleeps in")
	}
}
