//go:build linux

package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The target's tree in configfs.
const (
	configfs   = "/sys/kernel/config"
	targetCore = configfs + "/target/core/fileio_0/"
	targetISCI = configfs + "/target/iscsi/"
)

// A Target is an iSCSI target of LIO's on loopback, made through configfs: an
// array in miniature, whose LUNs can be unmapped and mapped again.
type Target struct {
	IQN     string
	Portals []string // addresses; the port is 3260

	dir string // …/iscsi/IQN/tpgt_1
}

// A Backstore is one LU inside the array, mapped or not.
type Backstore struct {
	Name, Serial string
	MiB          int
}

// WWID is the identity that multipath makes of LIO's VPD page 0x83: its IEEE
// company id and the first 25 digits of the serial number.
func (b Backstore) WWID() string { return ("36001405" + b.Serial + strings.Repeat("0", 25))[:33] }

// File holds what is written to the LU: the array's own view of it.
func (b Backstore) File() string { return "/tmp/" + b.Name + ".lu" }

// Content is what the LU holds, seen from the array's side.
func (b Backstore) Content(t testing.TB) []byte {
	t.Helper()
	content, err := os.ReadFile(b.File())
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// NewTarget makes a target with the given portals; with none, 127.0.0.1 and
// 127.0.0.2. name tells several targets apart.
func NewTarget(t testing.TB, name string, portals ...string) *Target {
	t.Helper()
	Modprobe(t, "configfs", "target_core_mod", "target_core_file", "iscsi_target_mod")
	if _, err := os.Stat(configfs + "/target"); err != nil {
		Run(t, "mount", "-t", "configfs", "configfs", configfs)
	}
	if len(portals) == 0 {
		portals = []string{"127.0.0.1", "127.0.0.2"}
	}
	iqn := "iqn.2003-01.lab:" + name
	g := &Target{IQN: iqn, Portals: portals, dir: targetISCI + iqn + "/tpgt_1/"}
	mkdirs(t, targetISCI+iqn, g.dir)
	for _, p := range portals {
		g.RestorePortal(t, p)
	}
	for k, v := range map[string]string{
		"authentication": "0", "generate_node_acls": "1", "demo_mode_write_protect": "0", "cache_dynamic_acls": "1",
	} {
		Write(t, g.dir+"attrib/"+k, v)
	}
	g.Enable(t)
	return g
}

// NewBackstore makes an LU of mib MiB that is mapped nowhere yet. serial is its
// unit serial number, in hexadecimal digits, and so its identity.
func NewBackstore(t testing.TB, name string, mib int, serial string) Backstore {
	t.Helper()
	b := Backstore{Name: name, Serial: serial, MiB: mib}
	if err := os.WriteFile(b.File(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(b.File(), int64(mib)<<20); err != nil {
		t.Fatal(err)
	}
	dir := targetCore + name
	mkdirs(t, dir)
	Write(t, dir+"/control", fmt.Sprintf("fd_dev_name=%s,fd_dev_size=%d\n", b.File(), mib<<20))
	Write(t, dir+"/enable", "1\n")
	Write(t, dir+"/wwn/vpd_unit_serial", serial)
	return b
}

// Map maps a backstore to a LUN. The host sees it at its next scan.
func (g *Target) Map(t testing.TB, lun int, b Backstore) {
	t.Helper()
	mkdirs(t, g.LUN(lun))
	if err := os.Symlink(targetCore+b.Name, g.LUN(lun)+"/"+b.Name); err != nil {
		t.Fatal(err)
	}
}

// Unmap takes a LUN away and tells the host nothing, as arrays do.
func (g *Target) Unmap(t testing.TB, lun int) {
	t.Helper()
	links, _ := filepath.Glob(g.LUN(lun) + "/*")
	for _, l := range links {
		if info, err := os.Lstat(l); err == nil && info.Mode()&os.ModeSymlink != 0 {
			remove(t, l)
		}
	}
	remove(t, g.LUN(lun))
}

// Remap gives a LUN to another backstore: LUN reuse.
func (g *Target) Remap(t testing.TB, lun int, b Backstore) {
	t.Helper()
	g.Unmap(t, lun)
	g.Map(t, lun, b)
}

// LUN is the folder of a LUN, which is there while it is mapped.
func (g *Target) LUN(n int) string { return g.dir + "lun/lun_" + strconv.Itoa(n) }

// Disable takes the whole target group offline: sessions break, and logins are
// refused until Enable.
func (g *Target) Disable(t testing.TB) { t.Helper(); Write(t, g.dir+"enable", "0") }

// Enable undoes Disable.
func (g *Target) Enable(t testing.TB) { t.Helper(); Write(t, g.dir+"enable", "1") }

// DropPortal takes one portal away: nothing listens on its address any more.
// Sessions that run through it go on until they break by themselves.
func (g *Target) DropPortal(t testing.TB, address string) { t.Helper(); remove(t, g.portal(address)) }

// RestorePortal undoes DropPortal.
func (g *Target) RestorePortal(t testing.TB, address string) {
	t.Helper()
	mkdirs(t, g.portal(address))
}

func (g *Target) portal(address string) string { return g.dir + "np/" + address + ":3260" }

// Cut makes an address unreachable as a pulled cable does: packets to it are
// lost, and nobody is told. Mend plugs it in again.
func Cut(t testing.TB, address string) {
	t.Helper()
	Run(t, "ip", "route", "add", "blackhole", address+"/32", "table", "local")
	Run(t, "ip", "route", "flush", "cache")
}

// Mend undoes Cut.
func Mend(t testing.TB, address string) {
	t.Helper()
	Run(t, "ip", "route", "del", "blackhole", address+"/32", "table", "local")
	Run(t, "ip", "route", "flush", "cache")
}

func mkdirs(t testing.TB, dirs ...string) {
	t.Helper()
	for _, d := range dirs {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
