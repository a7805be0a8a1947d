package remediatetest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
)

// Volume makes a LU of 10 GiB with a path over each of two iSCSI sessions, and
// its multipath map, all under the next names and numbers that are free: what is
// left to tell is how it goes away. The WWID comes from the name, and is the same
// on every host.
func (h *Host) Volume(name string, retry NoPathRetry) (*LU, *Map) {
	lu := h.Unmultipathed(name)
	h.mu.Lock()
	n := 0
	for h.named(mapName(n)) != nil || h.maps[dmName(n)] != nil {
		n++
	}
	h.mu.Unlock()
	return lu, h.Map(mapName(n), dmName(n), lu, retry)
}

// Unmultipathed is [Host.Volume] without a map: bare disks.
func (h *Host) Unmultipathed(name string) *LU {
	sum := sha256.Sum256([]byte(name))
	lu := h.LU("6001405"+hex.EncodeToString(sum[:13])[:25], 10<<30, "LIO-ORG", name)
	for i, t := range h.twoSessions() {
		h.mu.Lock()
		disk, number := 1+i, uint64(1)
		for h.disks[DiskName(disk)] != nil {
			disk++
		}
		for t.luns[number] != nil {
			number++
		}
		h.mu.Unlock()
		lu.Path(DiskName(disk), t, number)
	}
	return lu
}

// twoSessions are the host's first two, made where they are not there yet.
func (h *Host) twoSessions() []*Target {
	h.mu.Lock()
	var out []*Target
	for _, t := range h.targets {
		if t.session != "" {
			out = append(out, t)
		}
	}
	h.mu.Unlock()
	for n := len(out); n < 2; n++ {
		out = append(out, h.Session("iqn.2003-01.org.example:array.portal"+strconv.Itoa(n+1), 39+n))
	}
	return out[:2]
}

// mapName and dmName are what the n-th map is called: "mpatha" and "dm-11" at
// first.
func mapName(n int) string {
	if n < 26 {
		return "mpath" + string(rune('a'+n))
	}
	return mapName(n/26-1) + string(rune('a'+n%26))
}

func dmName(n int) string { return fmt.Sprintf("dm-%d", 11+n) }
