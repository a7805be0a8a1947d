package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOdd(t *testing.T) {
	for name, want := range map[string]bool{
		wwidB:                  false,
		wwidB[:len(wwidB)-1]:   true,
		wwidB + "0":            true,
		wwidB + " ":            true,
		"36001":                true,
		"35002538e40a1b2c3":    false,
		"35002538E40A1B2C":     true,
		"naa." + wwidB[1:]:     false,
		"naa." + wwidB[2:]:     true,
		"wwn-0x6001405":        true,
		"eui.0025385b71b0a1c2": false,
		"eui.0025385b71b0a1":   true,
		"20025385b71b0a1":      true,
		"1ATA_disk_1":          false,
		"0QEMU_disk_1":         false,
		"SVENDOR_disk_7":       false,
		"uuid.4c4c4544-0051":   false,
	} {
		if got := odd(name); got != want {
			t.Errorf("odd(%q) = %v, want %v", name, got, want)
		}
	}
}

// A WWID that lost a digit is found nowhere, and is not gone for that.
func TestCutShortIsNotGone(t *testing.T) {
	t.Parallel()
	cut := wwidB[:len(wwidB)-1]
	h := staged(t, "residual")
	for _, args := range [][]string{
		{"verify", cut}, {"verify", "36001"}, {"verify", "eui.0025385b71b0a1"}, {"verify", wwidNone, cut},
		{"plan", "-dwell", "0", "-own", "all", "-own", "!wwid:" + cut}, {"plan", "-dwell", "0", "-own", "all", "-detached", cut},
		{"apply", "-yes", "-dwell", "0", "-own", "all", "-own", "!wwid:" + cut},
		{"apply", "-plan", plannedOn(t, on(h), "-own", "all"), "-own", "!wwid:" + cut},
	} {
		got := sweep(t.Context(), on(h), "", args...)
		if got.status != statusUsage || !strings.Contains(got.err, "is it cut short?") || strings.Contains(got.out, "gone") {
			t.Errorf("sweep %q ended with %d:\n%s%s", args, got.status, got.out, got.err)
		}
	}
	require.Empty(t, h.Actions())
}

// A host may have maps of names that are in no known form.
func TestOddNameThatIsThere(t *testing.T) {
	t.Parallel()
	h := staged(t, "residual")
	uuid := filepath.Join(h.Tree(), "sys/block/dm-12/dm/uuid")
	require.NoError(t, os.WriteFile(uuid, []byte("mpath-36001\n"), 0o644))
	got := sweep(t.Context(), on(h), "", "verify", "36001")
	require.Equal(t, statusLeft, got.status, "%s%s", got.out, got.err)
	require.Contains(t, got.out, "still there: map mpathb (dm-12)")
}
