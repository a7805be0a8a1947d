package remediate_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/internal/dmioctl"
	"github.com/lunsweep/lunsweep/internal/scsireply"
	"github.com/lunsweep/lunsweep/multipath"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/scsi"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A bigHost is a host with many maps of many paths, for measuring. Unlike
// remediatetest's it does not live: its files are written once, and every answer
// of the array, the daemon and device-mapper is ready before it is asked for.
type bigHost struct {
	root                   string
	maps, paths, processes int

	units   map[string]*scsireply.Unit // by kernel name
	headers []dmioctl.Header           // of the maps
	tables  [][2][]byte                // of each map: its table and its status
	byUUID  map[string]int
	byDev   map[uint64]int
	names   []byte
	printed string // multipathd's show topology

	mu   sync.Mutex
	sent map[string]int // how often each command was sent to each disk; of small hosts only
}

// commands is how often each command was sent to each disk.
func (h *bigHost) commands() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sent
}

// memory is where files cost no disk: tmpfs, where there is one.
func memory(tb testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "host-")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// newBigHost writes the tree of maps multipath maps of paths disks each, all
// well but for every tenth LU, which its targets have unmapped. Every path of a
// LU goes through a session of its own.
func newBigHost(tb testing.TB, maps, paths, processes int) *bigHost {
	tb.Helper()
	h := &bigHost{
		root: memory(tb), maps: maps, paths: paths, processes: processes,
		units: map[string]*scsireply.Unit{}, sent: map[string]int{}, byUUID: map[string]int{}, byDev: map[uint64]int{},
	}
	require.NoError(tb, h.writeHost())
	for p := range paths {
		require.NoError(tb, h.writeSession(p))
	}
	for m := range maps {
		require.NoError(tb, h.writeMap(m))
	}
	return h
}

func (h *bigHost) dm(m int) string { return fmt.Sprintf("dm-%d", m) }

func (h *bigHost) lost(m int) bool { return m%10 == 9 }

func (h *bigHost) naa(m int) string  { return fmt.Sprintf("6001405%025x", m) }
func (h *bigHost) wwid(m int) string { return "3" + h.naa(m) }

// disk is the kernel's name of a map's path: sda … sdz, sdaa … sdzzz, sdaaaa ….
func (h *bigHost) disk(m, p int) string {
	name := ""
	for n := m*h.paths + p; ; n = n/26 - 1 {
		name = string(rune('a'+n%26)) + name
		if n < 26 {
			return "sd" + name
		}
	}
}

func (h *bigHost) minor(m, p int) int       { return m*h.paths + p }
func (h *bigHost) hctl(m, p int) sysfs.HCTL { return sysfs.HCTL{Host: p + 1, LUN: uint64(m)} }
func (h *bigHost) session(p int) string {
	return fmt.Sprintf("devices/platform/host%d/session%d", p+1, p+1)
}

func (h *bigHost) write(name, text string) error {
	path := filepath.Join(h.root, name)
	err := os.WriteFile(path, []byte(text), 0o644)
	if os.IsNotExist(err) {
		if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
	}
	return err
}

// link makes the link name with target, both relative to the root.
func (h *bigHost) link(target, name string) error {
	path := filepath.Join(h.root, name)
	rel, err := filepath.Rel(filepath.Dir(path), filepath.Join(h.root, target))
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err != nil {
		return err
	}
	return os.Symlink(rel, path)
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// all writes the files of one directory.
func (h *bigHost) all(dir string, files ...string) error {
	for i := 0; i < len(files); i += 2 {
		if err := h.write(dir+"/"+files[i], files[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (h *bigHost) writeHost() error {
	err := h.all("proc", "sys/kernel/hostname", "worker-3\n", "sys/kernel/random/boot_id", "5b1f0c62-7d9e-4c0a-9a41-3f2d8c6b7e10\n",
		"swaps", "Filename\tType\tSize\tUsed\tPriority\n", "stat", "btime 1767225600\n")
	for pid := 1; pid <= h.processes && err == nil; pid++ {
		dir := fmt.Sprintf("proc/%d", pid)
		stat := fmt.Sprintf("%d (worker) S 1 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 0 0 0 0 0 360000 24645632 1024\n", pid)
		err = first(
			h.all(dir, "stat", stat, fmt.Sprintf("task/%d/stat", pid), stat, "fdinfo/3", "pos:\t0\nflags:\t0140000\nmnt_id:\t25\n",
				"mountinfo", "25 1 259:9999999 / / rw - ext4 /dev/root rw\n"),
			os.MkdirAll(filepath.Join(h.root, dir, "fd"), 0o755), os.MkdirAll(filepath.Join(h.root, dir, "ns"), 0o755),
			os.Symlink("mnt:[4026531841]", filepath.Join(h.root, dir, "ns/mnt")),
			os.Symlink("/", filepath.Join(h.root, dir, "root")),
			os.Symlink("socket:[77]", filepath.Join(h.root, dir, "fd/0")),
			os.Symlink("/dev/null", filepath.Join(h.root, dir, "fd/1")),
			os.Symlink("/dev/null", filepath.Join(h.root, dir, "fd/2")),
			os.Symlink("/var/log/worker", filepath.Join(h.root, dir, "fd/3")),
		)
	}
	return err
}

func (h *bigHost) writeSession(p int) error {
	name := fmt.Sprintf("session%d", p+1)
	dir := "sys/" + h.session(p) + "/iscsi_session/" + name
	return first(h.all(dir, "state", "LOGGED_IN\n", "targetname", fmt.Sprintf("iqn.2003-01.org.example:t%d\n", p)),
		h.link(dir, "sys/class/iscsi_session/"+name))
}

func (h *bigHost) writeMap(m int) error {
	dm := h.dm(m)
	dir := "sys/devices/virtual/block/" + dm
	err := first(
		h.all(dir, "dev", fmt.Sprintf("252:%d\n", m), "size", "20971520\n", "ro", "0\n", "diskseq", fmt.Sprintln(m+1),
			"dm/name", h.mapName(m)+"\n", "dm/uuid", "mpath-"+h.wwid(m)+"\n", "dm/suspended", "0\n"),
		os.MkdirAll(filepath.Join(h.root, dir, "holders"), 0o755),
		h.link(dir, "sys/block/"+dm), h.link(dir, "sys/class/block/"+dm))
	for p := 0; p < h.paths && err == nil; p++ {
		err = h.writeDisk(m, p, dir)
	}
	h.answers(m)
	return err
}

func (h *bigHost) mapName(m int) string { return fmt.Sprintf("mpath%d", m) }

func (h *bigHost) unit(m, p int) *scsireply.Unit {
	id, _ := hex.DecodeString(h.naa(m))
	serial := h.naa(m)[16:]
	return &scsireply.Unit{
		Gone: h.lost(m), Vendor: "LIO-ORG", Product: "vol", Revision: "4.0", Serial: serial,
		Designators: [][]byte{scsireply.T10("LIO-ORG", "vol:"+serial), scsireply.NAA(id), scsireply.Port(uint16(p + 1))},
	}
}

func (h *bigHost) writeDisk(m, p int, above string) error {
	name, hctl, unit := h.disk(m, p), h.hctl(m, p), h.unit(m, p)
	h.units[name] = unit
	dir := fmt.Sprintf("sys/%s/target%d:0:0/%s", h.session(p), hctl.Host, hctl)
	block := dir + "/block/" + name
	return first(
		h.all(dir, "type", "0\n", "vendor", "LIO-ORG \n", "model", "vol             \n", "rev", "4.0 \n", "wwid", "naa."+h.naa(m)+"\n",
			"state", "running\n", "vpd_pg80", string(scsireply.Serial(unit.Serial)), "vpd_pg83", string(scsireply.Identification(unit.Designators...))),
		h.all(block, "dev", fmt.Sprintf("259:%d\n", h.minor(m, p)), "size", "20971520\n", "ro", "0\n", "diskseq", fmt.Sprintln(h.maps+h.minor(m, p)+1)),
		os.MkdirAll(filepath.Join(h.root, block, "slaves"), 0o755),
		h.link(dir, block+"/device"), h.link(above, block+"/holders/"+filepath.Base(above)), h.link(block, above+"/slaves/"+name),
		h.link(block, "sys/block/"+name), h.link(block, "sys/class/block/"+name), h.link(dir, "sys/bus/scsi/devices/"+hctl.String()))
}

// answers makes what device-mapper and multipathd will say of a map.
func (h *bigHost) answers(m int) {
	uuid, state := "mpath-"+h.wwid(m), [3]string{"A", "active", "active ready running"}
	if h.lost(m) {
		state = [3]string{"F", "enabled", "failed faulty running"}
	}
	table, status := fmt.Sprintf("0 1 alua 1 1 service-time 0 %d 1", h.paths), fmt.Sprintf("2 0 0 0 1 1 A 0 %d 2", h.paths)
	var text strings.Builder
	fmt.Fprintf(&text, "%s (%s) dm-%d LIO-ORG,vol\nsize=10G features='0' hwhandler='1 alua' wp=rw\n`-+- policy='service-time 0' prio=50 status=%s\n", h.mapName(m), h.wwid(m), m, state[1])
	for p := range h.paths {
		table += fmt.Sprintf(" 259:%d 1", h.minor(m, p))
		status += fmt.Sprintf(" 259:%d %s 0 0 1", h.minor(m, p), state[0])
		branch := "|"
		if p == h.paths-1 {
			branch = "`"
		}
		fmt.Fprintf(&text, "  %s- %-9s %-6s %-9s %s\n", branch, h.hctl(m, p), h.disk(m, p), fmt.Sprintf("259:%d", h.minor(m, p)), state[2])
	}
	dev := dmioctl.Dev(252, uint32(m))
	h.headers = append(h.headers, dmioctl.Header{TargetCount: 1, Flags: dmioctl.FlagActivePresent, Dev: dev, Name: h.mapName(m), UUID: uuid})
	target := func(params string) []byte {
		return dmioctl.AppendTargets(nil, []dmioctl.Target{{Length: 20971520, Type: "multipath", Params: params}})
	}
	h.tables = append(h.tables, [2][]byte{target(table), target(status)})
	h.byUUID[uuid], h.byDev[dev] = m, m
	h.printed += text.String()
	var list []dmioctl.Name
	if m == h.maps-1 {
		for _, x := range h.headers {
			list = append(list, dmioctl.Name{Dev: x.Dev, Name: x.Name})
		}
		h.names = dmioctl.AppendNames(nil, list)
	}
}

// system is the host as package remediate stands on it.
func (h *bigHost) system(tb testing.TB) remediate.System {
	tb.Helper()
	files, err := sysfs.New(h.root)
	require.NoError(tb, err)
	kernel, err := multipath.OpenDeviceMapper("", multipath.WithControl(h.control))
	require.NoError(tb, err)
	return remediate.System{
		FS: files, Kernel: kernel, Daemon: &bigDaemon{host: h, DM: multipath.NewDM(kernel, files)},
		Reader: blockprobe.New(blockprobe.WithRead(h.read)),
		OpenLU: func(_ context.Context, node string) (*scsi.Device, error) {
			return scsi.New(bigNexus{h, filepath.Base(node)}), nil
		},
	}
}

func (h *bigHost) control(_ context.Context, cmd uint32, buf []byte) error {
	switch cmd {
	case dmioctl.Version:
		dmioctl.Answer(buf, dmioctl.Header{}, nil)
		return nil
	case dmioctl.ListDevices:
		dmioctl.Answer(buf, dmioctl.Header{}, h.names)
		return nil
	}
	req, err := dmioctl.ParseHeader(buf)
	if err != nil {
		return err
	}
	m, ok := h.byDev[req.Dev]
	if req.UUID != "" {
		m, ok = h.byUUID[req.UUID]
	}
	switch {
	case !ok:
		return syscall.ENXIO
	case cmd == dmioctl.DevStatus:
		dmioctl.Answer(buf, h.headers[m], nil)
	case req.Flags&dmioctl.FlagStatusTable != 0:
		dmioctl.Answer(buf, h.headers[m], h.tables[m][0])
	default:
		dmioctl.Answer(buf, h.headers[m], h.tables[m][1])
	}
	return nil
}

// read fails on the maps of lost LUs.
func (h *bigHost) read(path string, buf []byte) (int, error) {
	var m int
	if _, err := fmt.Sscanf(filepath.Base(path), "dm-%d", &m); err == nil && h.lost(m) {
		return 0, &os.PathError{Op: "read", Path: path, Err: syscall.EIO}
	}
	return len(buf), nil
}

// A bigDaemon is multipathd, whose answer is read as that of the real one.
type bigDaemon struct {
	*multipath.DM
	host *bigHost
}

func (d *bigDaemon) Topology(context.Context) (*multipath.Topology, error) {
	return multipath.Parse([]byte(d.host.printed))
}

func (h *bigHost) count(disk string, cdb []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.paths*h.maps <= 1024 {
		h.sent[fmt.Sprintf("%s % x", disk, cdb)]++
	}
}

// A bigNexus answers for one disk.
type bigNexus struct {
	host *bigHost
	disk string
}

func (n bigNexus) Do(_ context.Context, cmd scsi.Command) (scsi.Reply, error) {
	n.host.count(n.disk, cmd.CDB)
	a := n.host.units[n.disk].Answer(cmd.CDB)
	return scsi.Reply{Data: a.Data, Status: a.Status, Sense: a.Sense}, nil
}
