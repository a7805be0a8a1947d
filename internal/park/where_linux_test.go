package park

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The error of a call that was left says where it sleeps, as the lot does.
func TestStuckErrorSaysWhere(t *testing.T) {
	var pipe [2]int
	require.NoError(t, syscall.Pipe(pipe[:]))
	defer syscall.Close(pipe[1])
	lot := New(0, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := Do(ctx, lot, "pipe", func() (int, error) { return syscall.Read(pipe[0], make([]byte, 1)) })
	var e *StuckError
	require.True(t, errors.As(err, &e))
	require.Equal(t, lot.Stuck()[0].WChan, e.WChan)
	require.Contains(t, err.Error(), e.WChan)
}
