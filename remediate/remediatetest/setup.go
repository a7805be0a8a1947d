package remediatetest

import (
	"fmt"

	"github.com/lunsweep/lunsweep/sysfs"
)

// Session logs in to an iSCSI target over SCSI host number; its disks will be
// number:0:0:LUN.
func (h *Host) Session(iqn string, number int) *Target {
	t := h.target(number)
	h.set(func() {
		n := 1
		for _, other := range h.targets {
			if other.session != "" && other != t {
				n++
			}
		}
		t.session, t.iqn, t.state = fmt.Sprintf("session%d", n), iqn, loggedIn
		h.makeSession(t)
	})
	return t
}

// RemotePort finds the port of an array on Fibre Channel, "0x5006016044601f35", behind
// the adapter that is SCSI host number; its disks will be number:0:0:LUN. What is said of
// sessions is true of it, too: a port that is cut is Blocked.
func (h *Host) RemotePort(name string, number int) *Target {
	t := h.target(number)
	h.set(func() {
		t.session, t.iqn, t.fc, t.state = fmt.Sprintf("rport-%d:0-%d", number, t.port), name, true, loggedIn
		h.makeSession(t)
	})
	return t
}

// Controller is a local controller without a transport class, SCSI host number.
func (h *Host) Controller(number int) *Target { return h.target(number) }

func (h *Host) target(number int) *Target {
	t := &Target{host: h, number: number, luns: map[uint64]*lun{}}
	h.set(func() {
		h.targets = append(h.targets, t)
		t.port = uint16(len(h.targets))
	})
	return t
}

// LU makes a volume of size bytes with an NAA name of 16 or 32 hex digits. It
// is not mapped to the host yet.
func (h *Host) LU(naa string, size uint64, vendor, product string) *LU {
	lu := &LU{host: h, naa: naa, size: size, vendor: vendor, product: product, serial: naa[len(naa)/2:]}
	h.set(func() {
		if len(naa) != 16 && len(naa) != 32 {
			h.failf("a NAA name has 16 or 32 hex digits: " + naa)
		}
		h.lus = append(h.lus, lu)
	})
	return lu
}

// Path maps the LU to the host as LUN number of a target, and lets the kernel
// find it there and name it dev ("sdi"). It returns the LU, for the next path.
//
// A path that comes after the LU's [Host.Map] is not in that map: multipathd
// has not got to it yet.
func (lu *LU) Path(dev string, t *Target, number uint64) *LU {
	h := lu.host
	h.set(func() {
		if h.disks[dev] != nil {
			h.failf(dev + " is there already")
			return
		}
		t.luns[number] = &lun{lu: lu}
		h.diskseq++
		d := &disk{
			name: dev, hctl: sysfs.HCTL{Host: t.number, LUN: number}, target: t,
			cached: lu, linked: lu, seq: h.diskseq, state: "running",
		}
		h.disks[dev] = d
		h.makeDisk(d)
		h.daemon.found(d)
		h.udev()
	})
	return lu
}

// Map makes the multipath map name, dm ("dm-12"), of all paths that the LU has.
func (h *Host) Map(name, dm string, lu *LU, retry NoPathRetry) *Map {
	m := &Map{
		host: h, dm: dm, name: name, uuid: "mpath-" + lu.WWID(), size: lu.size, lu: lu,
		retry: retry, queueing: retry == Queue,
	}
	h.set(func() {
		for _, d := range h.sortedDisks() {
			if d.cached == lu {
				m.paths = append(m.paths, &mapPath{disk: d, check: "ready"})
			}
		}
		h.addMap(m)
	})
	return m
}

// KnownAs has the map go by another name of its LU than the usual one, as multipath does
// by uid_attribute: "0x600…" for ID_WWN.
func (h *Host) KnownAs(m *Map, wwid string) {
	h.set(func() {
		m.uuid = "mpath-" + wwid
		h.write(h.path("sys", m.sysfs(), "dm/uuid"), m.uuid+"\n")
		h.udev()
	})
}

// Partition makes the n-th partition of a disk (name "sda1") or of a multipath
// map, for which kpartx makes a map (name "dm-13").
func (h *Host) Partition(on string, n int, name string) {
	h.set(func() {
		if d := h.disks[on]; d != nil {
			d.parts = append(d.parts, name)
			h.makePartition(d, n, name)
			return
		}
		under := h.maps[on]
		if under == nil {
			h.failf("no device is called " + on)
			return
		}
		h.addMap(&Map{
			host: h, dm: name, name: fmt.Sprintf("%s-part%d", under.name, n),
			uuid: fmt.Sprintf("part%d-%s", n, under.uuid), size: under.size - 1<<20, under: on,
		})
	})
}

// LVM puts an active logical volume, dm ("dm-20"), on a device.
func (h *Host) LVM(on, dm, name string) { h.stack(on, dm, name, "LVM-") }

// LUKS puts an open LUKS volume, dm ("dm-20"), on a device.
func (h *Host) LUKS(on, dm, name string) { h.stack(on, dm, name, "CRYPT-LUKS2-") }

func (h *Host) stack(on, dm, name, prefix string) {
	h.set(func() {
		h.addMap(&Map{host: h, dm: dm, name: name, uuid: prefix + "0b7e2f5c9d" + name, size: 1 << 30, under: on})
	})
}

func (h *Host) addMap(m *Map) {
	if h.maps[m.dm] != nil {
		h.failf(m.dm + " is there already")
		return
	}
	h.diskseq++
	m.seq = h.diskseq
	h.maps[m.dm] = m
	h.makeMap(m)
	h.udev()
}
