//go:build lab && linux

package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// A bench is a host with healthy LUs and many more that can be lost, again and
// again, all of two paths.
type bench struct {
	*guest.Debug
	kept, all int
	healthy   []guest.Map // those of the LUs that stay, as they were at first
}

// newBench makes a host of maps of two paths each, of which kept stay.
func newBench(t *testing.T, kept, all int, c guest.Conf) *bench {
	t.Helper()
	b := &bench{Debug: guest.ScsiDebug(t, 2, all, "delay=0"), kept: kept, all: all}
	c.FriendlyNames = true
	guest.StartMultipathd(t, c)
	guest.WaitMaps(t, all, 2)
	for lun := range kept {
		b.healthy = append(b.healthy, b.Map(t, lun))
	}
	return b
}

// lose lets all but the kept LUs vanish, and waits until multipathd knows.
func (b *bench) lose(t *testing.T) []guest.Map {
	t.Helper()
	b.VanishLUNs(t, b.kept)
	var lost []guest.Map
	for lun := b.kept; lun < b.all; lun++ {
		m := b.Map(t, lun)
		guest.WaitFailed(t, m)
		lost = append(lost, m)
	}
	return lost
}

// regain brings the LUs back, as new disks where the old ones are gone.
func (b *bench) regain(t *testing.T) {
	t.Helper()
	b.RestoreLUNs(t)
	hosts, _ := filepath.Glob("/sys/bus/pseudo/devices/adapter*/host*/scsi_host/host*/scan")
	for _, scan := range hosts {
		guest.Write(t, scan, "- - -")
	}
	guest.Udev(t)
	guest.WaitMaps(t, b.all, 2)
}

// left describes what there still is of maps, by device-mapper's own word and
// the kernel's, and of those that should have stayed.
func (b *bench) left(t *testing.T, lost []guest.Map) string {
	t.Helper()
	maps, disks := 0, 0
	info := guest.DmsetupInfo(t)
	for _, m := range lost {
		if _, there := info[m.Name]; there {
			maps++
		}
		for _, d := range m.Paths {
			if _, err := os.Stat("/sys/block/" + d); err == nil {
				disks++
			}
		}
	}
	text := "nothing"
	if maps+disks > 0 {
		text = fmt.Sprintf("%d maps, %d disks", maps, disks)
	}
	for _, m := range b.healthy {
		if _, there := info[m.Name]; !there {
			text += "; took the healthy " + m.Name
			continue
		}
		if err := carries(t, m, 2); err != nil {
			text += "; harmed: " + err.Error()
		}
	}
	return text
}

// expectNothingLeft fails the benchmark of somebody who has not done the work.
func (b *bench) expectNothingLeft(t *testing.T, who string, lost []guest.Map) {
	t.Helper()
	if left := b.left(t, lost); left != "nothing" {
		t.Errorf("%s left %s", who, left)
	}
}

func ratio(a, b time.Duration) string { return fmt.Sprintf("%.2f", float64(a)/float64(b)) }

// ratios is the table of all benchmarks: what was measured, what it is divided by,
// the quotient of the two, and what else came of it.
func ratios(t *testing.T) *guest.Table {
	t.Helper()
	return guest.NewTable(t, "ratios", "what", "divided by", "ratio", "besides")
}

func timed(do func()) time.Duration {
	begun := time.Now()
	do()
	return time.Since(begun)
}

// best is the shortest of n tries.
func best(n int, do func()) time.Duration {
	out := timed(do)
	for range n - 1 {
		out = min(out, timed(do))
	}
	return out
}
