package sysfs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A device gets another table (pvmove ends, a snapshot is merged) while it is read: the old
// disk's link goes, the disk lives on. Many links make the moment long enough for a test.
func TestGoneWhileTableChanges(t *testing.T) {
	var b strings.Builder
	b.WriteString("sys/block/dm-3/dev = 253:3\nsys/block/dm-3/size = 8\nsys/block/sda/dev = 8:0\nsys/block/sda/size = 8\nproc/\n")
	for i := range 4000 {
		fmt.Fprintf(&b, "sys/block/dm-3/slaves/sda%d -> ../../sda\n", i)
	}
	root := plant(t, b.String())
	f := open(t, root)
	links := filepath.Join(root, "sys/block/dm-3/slaves")
	go func() {
		for i := 3999; i >= 0; i-- {
			_ = os.Remove(filepath.Join(links, fmt.Sprintf("sda%d", i)))
			time.Sleep(50 * time.Microsecond)
		}
	}()
	for range 200 {
		got, err := f.Block(t.Context(), "dm-3")
		require.NoError(t, err)
		require.Empty(t, got.Gone, "the disk is there, and lives; dm-3 stands on it no more")
	}
}
