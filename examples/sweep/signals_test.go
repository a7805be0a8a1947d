//go:build unix

package main

import (
	"bytes"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestInterruptible(t *testing.T) {
	// Whatever else, this test's own process must survive.
	again := make(chan os.Signal, 2)
	signal.Notify(again, syscall.SIGTERM)
	defer signal.Stop(again)

	var said bytes.Buffer
	ctx, stop := interruptible(&said)
	defer stop()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("SIGTERM does not end the context")
	}
}

// To open a FIFO takes until somebody opens its other end.
func TestFIFOThatNobodyOpens(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"plan to apply":  {"apply", "-plan"},
		"plan to verify": {"verify", "-plan"},
		"journal":        {"apply", "-yes", "-dwell", "0", "-journal"},
	} {
		t.Run(name, func(t *testing.T) {
			fifo := filepath.Join(t.TempDir(), "fifo")
			require.NoError(t, syscall.Mkfifo(fifo, 0o600))
			defer func() { // the open that is left behind ends
				f, err := os.OpenFile(fifo, os.O_RDWR, 0)
				require.NoError(t, err)
				f.Close()
			}()
			got := sweep(t.Context(), nil, "", append(args, fifo, "-simulate", "residual", "-timeout", "50ms")...)
			require.Equal(t, statusFailed, got.status, got.err)
			require.Contains(t, got.err, "deadline exceeded (longer: -timeout; now 50ms)")
		})
	}
}
