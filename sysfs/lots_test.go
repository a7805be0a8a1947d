package sysfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/park"
)

// Processes that sleep in a page fault on a dead LU do not let their mappings be read:
// however many they are, what they have open is, and all that is of no process.
func TestHungMappingsLeaveTheRest(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"sys/block/sda/dev": "8:0\n", "proc/sys/kernel/random/boot_id": "b\n", "proc/100/stat": "100 (postgres) S 1",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, path), []byte(text), 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(root, "proc/100/fd"), 0o755))
	f, err := New(root)
	require.NoError(t, err)
	end := make(chan struct{})
	defer close(end)
	for i := range park.DefaultLimit {
		go func() {
			_, _ = ofProcess(t.Context(), f.maps, i, "maps", func() (int, error) { <-end; return 0, nil })
		}()
	}
	require.Eventually(t, func() bool { return len(f.Stuck()) == park.DefaultLimit }, 10*processPatience, 10*time.Millisecond, "they are told of")

	begun := time.Now()
	open, err := f.Openers(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, open.Blind)
	_, err = f.BootID(t.Context())
	require.NoError(t, err)
	mapped, err := f.Mappings(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, mapped.Blind, 1, "what could not be read for the others is not taken for nothing")
	require.Less(t, time.Since(begun), processPatience, fmt.Sprint(f.Stuck()))
}
