package remediatetest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lunsweep/lunsweep/internal/scsireply"
)

// The tree is laid out as the kernel and udev do:
//
//	/sys/devices/platform/host39/session1/target39:0:0/39:0:0:1/{state,delete,vpd_pg83,…}
//	/sys/devices/platform/host39/session1/target39:0:0/39:0:0:1/block/sdi/{dev,size,diskseq,holders/,…}
//	/sys/devices/virtual/block/dm-12/{dev,size,dm/{name,uuid,suspended},slaves/,holders/}
//	/sys/block/sdi, /sys/class/block/sdi, /sys/bus/scsi/devices/39:0:0:1   links to these
//	/sys/class/iscsi_session/session1/{state,targetname}
//	/sys/class/fc_remote_ports/rport-39:0-1/{port_state,port_name}, of disks in /sys/devices/pci…/host39/rport-39:0-1
//	/dev/sdi, /dev/dm-12, /dev/mapper/mpathb, /dev/disk/by-id/…
//
// Nodes are plain files: nothing here opens them.

// path is where the host's path is found.
func (h *Host) path(elem ...string) string { return filepath.Join(h.Tree(), filepath.Join(elem...)) }

func (h *Host) makeRoot() {
	for _, d := range []string{"sys/block", "sys/class/block", "sys/class/iscsi_session", "sys/class/fc_remote_ports", "sys/bus/scsi/devices",
		"sys/devices/virtual/block", "proc", "run", "dev/mapper", "dev/disk/by-id", "../new"} {
		h.mkdir(h.path(d))
	}
	h.write(h.path("dev/mapper/control"), "")
	h.write(h.path("proc/cmdline"), "BOOT_IMAGE=/boot/vmlinuz root=/dev/sda1 ro quiet\n")
	h.write(h.path("proc/stat"), fmt.Sprintf("cpu  0 0 0 0 0 0 0 0 0 0\nbtime %d\nprocesses 1\n", booted))
}

func (h *Host) writeHost() {
	h.write(h.path("proc/sys/kernel/hostname"), h.hostname+"\n")
	h.write(h.path("proc/sys/kernel/random/boot_id"), h.bootID+"\n")
	h.writeSwaps()
}

func (h *Host) makeSession(t *Target) {
	if t.fc {
		h.makePort(t)
		return
	}
	dir := h.path("sys", t.sysfs(), "iscsi_session", t.session)
	h.write(filepath.Join(dir, "targetname"), t.iqn+"\n")
	h.write(filepath.Join(dir, "state"), t.state+"\n")
	h.link(dir, h.path("sys/class/iscsi_session", t.session))
}

func (h *Host) makePort(t *Target) {
	dir := h.path("sys", t.sysfs(), "fc_remote_ports", t.session)
	h.write(filepath.Join(dir, "port_name"), t.iqn+"\n")
	h.write(filepath.Join(dir, "port_state"), map[string]string{loggedIn: "Online", lost: "Blocked"}[t.state]+"\n")
	h.link(dir, h.path("sys/class/fc_remote_ports", t.session))
}

// sysfs is the directory of a session, of a remote port, or of a controller's port.
func (t *Target) sysfs() string {
	if t.session == "" {
		return fmt.Sprintf("devices/pci0000:00/0000:00:17.0/ata%d/host%d", t.number+1, t.number)
	}
	if t.fc {
		return fmt.Sprintf("devices/pci0000:00/0000:00:08.0/host%d/%s", t.number, t.session)
	}
	return fmt.Sprintf("devices/platform/host%d/%s", t.number, t.session)
}

func (d *disk) sysfs() string {
	return fmt.Sprintf("%s/target%d:0:0/%s", d.target.sysfs(), d.hctl.Host, d.hctl)
}

func (h *Host) makeDisk(d *disk) {
	dir := h.path("sys", d.sysfs())
	lu := d.cached
	for attr, text := range map[string]string{"type": "0\n", "rev": "4.0 \n", "delete": ""} {
		h.create(filepath.Join(dir, attr), text)
	}
	h.makeIdentity(d)
	h.remember(d, "delete")
	h.setDiskState(d, d.state)
	h.makeBlock(filepath.Join(dir, "block", d.name), d.name, lu.size, d.seq)
	h.linkText("../../../"+d.hctl.String(), filepath.Join(dir, "block", d.name, "device"))
	h.link(dir, h.path("sys/bus/scsi/devices", d.hctl.String()))
}

// makeIdentity writes what the kernel has cached of the disk's LU.
func (h *Host) makeIdentity(d *disk) {
	lu := d.cached
	for attr, text := range map[string]string{
		"vendor": fmt.Sprintf("%-8s\n", lu.vendor), "model": fmt.Sprintf("%-16s\n", lu.product), "wwid": "naa." + lu.naa + "\n",
		"vpd_pg80": string(scsireply.Serial(lu.serial)), "vpd_pg83": string(lu.page83(d.target)),
	} {
		h.write(h.path("sys", d.sysfs(), attr), text)
	}
}

// makeBlock makes a block device's directory, its links and its node.
func (h *Host) makeBlock(dir, name string, size, seq uint64) {
	for attr, text := range map[string]string{
		"dev": devNum(name).String(), "size": fmt.Sprint(size / 512), "ro": "0", "diskseq": fmt.Sprint(seq),
	} {
		h.create(filepath.Join(dir, attr), text+"\n")
	}
	h.mkdir(filepath.Join(dir, "holders"))
	h.mkdir(filepath.Join(dir, "slaves"))
	h.link(dir, h.path("sys/class/block", name))
	h.link(dir, h.path("sys/block", name))
	h.write(h.path("dev", name), "")
}

func (h *Host) makePartition(d *disk, n int, name string) {
	dir := h.path("sys", d.sysfs(), "block", d.name, name)
	num := devNum(d.name)
	num.Minor += uint32(n)
	h.create(filepath.Join(dir, "dev"), num.String()+"\n")
	h.create(filepath.Join(dir, "partition"), fmt.Sprintln(n))
	h.mkdir(filepath.Join(dir, "holders"))
	h.link(dir, h.path("sys/class/block", name))
	h.write(h.path("dev", name), "")
}

// remember notes which file is the disk's own attribute: a newcomer's has the
// same path.
func (h *Host) remember(d *disk, attr string) {
	info, err := os.Stat(h.path("sys", d.sysfs(), attr))
	if err != nil {
		h.fail(err)
		return
	}
	d.files = append(d.files, info)
}

// setDiskState writes the attribute anew. The file that it replaces is kept, so
// that no other gets its inode number while somebody may have it open.
func (h *Host) setDiskState(d *disk, state string) {
	d.state = state
	path := h.path("sys", d.sysfs(), "state")
	if n := len(d.files); n > 1 {
		if err := os.Link(path, filepath.Join(h.dir, "new", fmt.Sprintf("%s-%d-%d", d.name, d.seq, n))); err != nil {
			h.fail(err)
		}
	}
	h.write(path, state+"\n")
	h.remember(d, "state")
}

// dropDisk removes the files of a disk. What says that it is there goes first,
// so that whoever reads it meanwhile finds it gone, and not changed.
func (h *Host) dropDisk(d *disk) {
	dir := h.path("sys", d.sysfs())
	for _, p := range slices.Concat(d.parts, []string{d.name}) {
		h.remove(h.path("sys/block", p))
		h.remove(h.path("sys/class/block", p))
		h.remove(h.path("dev", p))
	}
	h.remove(h.path("sys/bus/scsi/devices", d.hctl.String()))
	h.remove(filepath.Join(dir, "block", d.name, "dev"))
	h.remove(filepath.Join(dir, "state"))
	h.remove(dir)
}

// takeOffBus is the first half of a delete: the SCSI device and its attributes
// are gone, its disk is still there.
func (h *Host) takeOffBus(d *disk) {
	h.remove(h.path("sys/bus/scsi/devices", d.hctl.String()))
	for _, attr := range []string{"state", "type", "vendor", "model", "rev", "wwid", "delete", "vpd_pg80", "vpd_pg83"} {
		h.remove(h.path("sys", d.sysfs(), attr))
	}
}

func (m *Map) sysfs() string { return "devices/virtual/block/" + m.dm }

func (h *Host) makeMap(m *Map) {
	dir := h.path("sys", m.sysfs())
	h.create(filepath.Join(dir, "dm/name"), m.name+"\n")
	h.create(filepath.Join(dir, "dm/uuid"), m.uuid+"\n")
	h.writeSuspended(m)
	h.makeBlock(dir, m.dm, m.size, m.seq)
	for _, p := range m.paths {
		h.slave(m, p.disk.name)
	}
	if m.under != "" {
		h.slave(m, m.under)
	}
	h.link(h.path("dev", m.dm), h.path("dev/mapper", m.name))
}

func (h *Host) writeSuspended(m *Map) {
	n := 0
	if m.suspended {
		n = 1
	}
	h.write(h.path("sys", m.sysfs(), "dm/suspended"), fmt.Sprintln(n))
}

// slave makes the links that tell of m standing on the device name.
func (h *Host) slave(m *Map, name string) {
	below := h.path("sys/class/block", name)
	if real, err := filepath.EvalSymlinks(below); err == nil {
		below = real
	}
	above := h.path("sys", m.sysfs())
	h.link(below, filepath.Join(above, "slaves", name))
	h.link(above, filepath.Join(below, "holders", m.dm))
}

func (h *Host) dropSlave(m *Map, name string) {
	h.remove(h.path("sys/class/block", name, "holders", m.dm))
	h.remove(h.path("sys", m.sysfs(), "slaves", name))
}

func (h *Host) dropMap(m *Map) {
	dir := h.path("sys", m.sysfs())
	for _, p := range m.paths {
		h.dropSlave(m, p.disk.name)
	}
	if m.under != "" {
		h.dropSlave(m, m.under)
	}
	h.remove(h.path("dev/mapper", m.name))
	h.remove(h.path("sys/block", m.dm))
	h.remove(h.path("sys/class/block", m.dm))
	h.remove(h.path("dev", m.dm))
	h.remove(filepath.Join(dir, "dev"))
	h.remove(dir)
}

// write puts a whole file in place at once: nobody ever reads half of it.
func (h *Host) write(path, text string) {
	fresh := filepath.Join(h.dir, "new", strings.ReplaceAll(filepath.Base(path), ":", "_"))
	h.mkdir(filepath.Dir(path))
	if err := os.WriteFile(fresh, []byte(text), 0o644); err != nil {
		h.fail(err)
		return
	}
	if err := os.Rename(fresh, path); err != nil {
		h.fail(err)
	}
}

// create writes a file where nobody looks yet.
func (h *Host) create(path, text string) {
	h.mkdir(filepath.Dir(path))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.fail(err)
	}
}

func (h *Host) mkdir(path string) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		h.fail(err)
	}
}

// link makes path a relative link to target.
func (h *Host) link(target, path string) {
	rel, err := filepath.Rel(filepath.Dir(path), target)
	if err != nil {
		h.fail(err)
		return
	}
	h.linkText(rel, path)
}

// linkText makes path a link with this text, at once where there was another.
func (h *Host) linkText(text, path string) {
	fresh := filepath.Join(h.dir, "new", "link")
	h.mkdir(filepath.Dir(path))
	if err := os.Symlink(text, fresh); err != nil {
		h.fail(err)
		return
	}
	if err := os.Rename(fresh, path); err != nil {
		h.fail(err)
	}
}

func (h *Host) remove(path string) {
	if err := os.RemoveAll(path); err != nil {
		h.fail(err)
	}
}
