package remediatetest

import (
	"encoding/hex"
	"os"
	"slices"

	"github.com/lunsweep/lunsweep/internal/scsireply"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A Target is one target port as this host reaches it: one SCSI host, channel
// and target, with the LUNs behind it.
type Target struct {
	host    *Host
	number  int    // of the SCSI host
	session string // "session1", "rport-39:0-1"; "" for a local controller
	iqn     string // its name; of a remote port "0x5006016044601f35"
	fc      bool   // it is a remote port
	state   string // of the session
	port    uint16 // relative target port

	luns map[uint64]*lun
}

// A lun is what a target has, or had, under one LUN.
type lun struct {
	lu    *LU
	state lunState
}

type lunState uint8

const (
	mapped       lunState = iota
	unmapped              // 05/25/00 to everything
	disconnected          // INQUIRY with a peripheral qualifier of 1, TEST UNIT READY good
	vanished              // no answer, DID_NO_CONNECT
)

// An LU is one volume of an array.
type LU struct {
	host            *Host
	naa             string // hex digits of its NAA designator
	size            uint64 // bytes
	vendor, product string
	serial          string
}

// WWID is the LU's name as multipath prints it.
func (lu *LU) WWID() string { return "3" + lu.naa }

func (lu *LU) page83(t *Target) []byte {
	return scsireply.Identification(lu.designators(t)...)
}

func (lu *LU) designators(t *Target) [][]byte {
	id, _ := hex.DecodeString(lu.naa)
	return [][]byte{scsireply.T10(lu.vendor, lu.product+":"+lu.serial), scsireply.NAA(id), scsireply.Port(t.port)}
}

// A disk is one SCSI device and its block device.
type disk struct {
	name    string // "sdi"
	hctl    sysfs.HCTL
	target  *Target
	cached  *LU // what the kernel found at its address, and remembers
	linked  *LU // what udev found there, and makes links for
	seq     uint64
	parts   []string // names of partitions
	gone    bool
	stuck   bool // its delete does not come back
	hangs   bool // reads of it do not come back
	state   string
	pending [][]byte      // unit attentions that it has not told yet
	files   []os.FileInfo // of its attributes that can be written
}

// A Map is one device-mapper device of the host: a multipath map, a partition
// map, or what stands on one.
type Map struct {
	host  *Host
	dm    string // "dm-12"
	name  string
	uuid  string
	size  uint64
	seq   uint64
	under string // kernel name of what it stands on, "" for a multipath map
	gone  bool

	// of multipath maps
	lu        *LU
	paths     []*mapPath
	retry     NoPathRetry
	queueing  bool
	held      bool // multipathd was told not to queue
	suspended bool
	hangs     bool

	leaveSuspended bool // at the next flush
	busy           int  // flushes that will find it in use
	reading        int  // direct reads under way
}

// WWID is the name of the map's LU.
func (m *Map) WWID() string { return m.lu.WWID() }

// A mapPath is one line of a multipath table.
type mapPath struct {
	disk   *disk
	failed bool
	check  string // the checker's state
}

// A NoPathRetry is what a map does with I/O while it has no usable path: the
// option no_path_retry of multipath.conf.
type NoPathRetry uint8

// The two settings that matter here.
const (
	Fail  NoPathRetry = iota // I/O fails
	Queue                    // I/O waits
)

// usable counts the paths that the kernel has not failed.
func (m *Map) usable() int {
	n := 0
	for _, p := range m.paths {
		if !p.failed {
			n++
		}
	}
	return n
}

func (m *Map) multipath() bool { return m.lu != nil }

// path is the map's path over the disk, nil if it has none.
func (m *Map) path(d *disk) *mapPath {
	if i := slices.IndexFunc(m.paths, func(p *mapPath) bool { return p.disk == d }); i >= 0 {
		return m.paths[i]
	}
	return nil
}

// mapsOf lists the multipath maps that have the disk as a path: two where it
// became another LU's and multipathd made that one's map as well.
func (h *Host) mapsOf(d *disk) []*Map {
	return slices.DeleteFunc(h.sortedMaps(), func(m *Map) bool { return m.path(d) == nil })
}

// on lists the dm devices that stand on a block device.
func (h *Host) on(name string) []*Map {
	var out []*Map
	for _, m := range h.sortedMaps() {
		if m.under == name {
			out = append(out, m)
		}
	}
	return out
}

func (h *Host) sortedMaps() []*Map {
	var out []*Map
	for _, m := range h.maps {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *Map) int { return sysfs.CompareNames(a.dm, b.dm) })
	return out
}

func (h *Host) sortedDisks() []*disk {
	var out []*disk
	for _, d := range h.disks {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *disk) int { return a.hctl.Compare(b.hctl) })
	return out
}

// named is the dm device called name, nil if there is none.
func (h *Host) named(name string) *Map {
	for _, m := range h.maps {
		if m.name == name {
			return m
		}
	}
	return nil
}
