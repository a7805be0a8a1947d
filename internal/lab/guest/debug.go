//go:build linux

package guest

import (
	"fmt"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

// settled bounds how long devices may take to appear, on a machine that has much
// else to do.
const settled = time.Minute

// debugDriver is scsi_debug's folder of changeable parameters.
const debugDriver = "/sys/bus/pseudo/drivers/scsi_debug/"

// Modprobe loads kernel modules.
func Modprobe(t testing.TB, names ...string) {
	t.Helper()
	for _, n := range names {
		Run(t, "modprobe", n)
	}
}

// A Debug is scsi_debug's LUs: the same ones behind each of its hosts, so that
// every LU has as many paths as there are hosts. They are one piece of memory:
// what is written to one LU is read from all.
type Debug struct {
	Hosts, LUNs int
}

// ScsiDebug loads scsi_debug with one target of luns LUs of 8 MiB on each of
// hosts hosts, and waits for the disks and for udev to have seen them. opts are
// more module parameters, such as "delay=0" or "dev_size_mb=32".
func ScsiDebug(t testing.TB, hosts, luns int, opts ...string) *Debug {
	t.Helper()
	Modprobe(t, "sd_mod", "sg")
	Run(t, append([]string{"modprobe", "scsi_debug", fmt.Sprintf("add_host=%d", hosts), "num_tgts=1",
		fmt.Sprintf("max_luns=%d", luns), "vpd_use_hostno=0", "dev_size_mb=8"}, opts...)...)
	d := &Debug{Hosts: hosts, LUNs: luns}
	WaitFor(t, fmt.Sprintf("%d disks of scsi_debug", hosts*luns), settled, func() error {
		if n := len(d.disks("*")); n != hosts*luns {
			return fmt.Errorf("%d disks", n)
		}
		return nil
	})
	Udev(t) // a multipathd that starts before udev has seen the disks takes them in one by one, or not at all
	return d
}

// Disks names the disks of the LU with number lun ("sdb"), one for each host.
func (d *Debug) Disks(t testing.TB, lun int) []string {
	t.Helper()
	out := d.disks(strconv.Itoa(lun))
	if len(out) == 0 {
		t.Fatalf("scsi_debug: no disk has LUN %d", lun)
	}
	return out
}

func (d *Debug) disks(lun string) []string {
	links, _ := filepath.Glob("/sys/bus/pseudo/devices/adapter*/host*/target*/*:0:0:" + lun + "/block/*")
	var out []string
	for _, l := range links {
		out = append(out, filepath.Base(l))
	}
	sort.Slice(out, func(i, j int) bool { return naturally(out[i], out[j]) })
	return out
}

// Map names the multipath map over the LU with number lun.
func (d *Debug) Map(t testing.TB, lun int) Map {
	t.Helper()
	return MapOf(t, d.Disks(t, lun)[0])
}

// VanishLUNs makes the LUs with number from and up go away as an array does
// that unmaps them: they answer nothing, and REPORT LUNS lists them no more.
func (d *Debug) VanishLUNs(t testing.TB, from int) {
	t.Helper()
	d.Set(t, "max_luns", strconv.Itoa(from))
}

// RestoreLUNs undoes VanishLUNs.
func (d *Debug) RestoreLUNs(t testing.TB) {
	t.Helper()
	d.VanishLUNs(t, d.LUNs)
}

// Set changes a parameter of the driver for all of its LUs: opts, every_nth,
// delay (in jiffies), ndelay (in ns), max_luns.
func (d *Debug) Set(t testing.TB, parameter, value string) {
	t.Helper()
	Write(t, debugDriver+parameter, value)
}

// SetWhenIdle is Set for what the driver refuses to change while a command is
// under way: it tries until none is.
func (d *Debug) SetWhenIdle(t testing.TB, parameter, value string) {
	t.Helper()
	WaitFor(t, "scsi_debug is idle, to change "+parameter, settled, func() error {
		return TryWrite(debugDriver+parameter, value)
	})
}

// naturally orders sdb before sdaa, dm-2 before dm-10.
func naturally(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return strings.Compare(a, b) < 0
}
