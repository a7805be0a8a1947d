//go:build unix

package main

import (
	"bytes"
	"os"
	"os/signal"
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
