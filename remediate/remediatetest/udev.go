package remediatetest

import (
	"os"
	"strings"
)

// udev makes the links in /dev/disk/by-id what the devices there are ask for,
// as 60-persistent-storage.rules, 10-dm.rules and 11-dm-mpath.rules do: the links
// of an identity lead to the map where there is one, else to its first disk.
func (h *Host) udev() {
	want := map[string]string{}
	claim := func(link, dev string) {
		if want[link] == "" {
			want[link] = dev
		}
	}
	for _, m := range h.sortedMaps() {
		claim("dm-name-"+m.name, m.dm)
		claim("dm-uuid-"+m.uuid, m.dm)
		if of := h.maps[m.under]; of != nil && of.multipath() && strings.HasPrefix(m.uuid, "part") {
			part := strings.TrimPrefix(m.name, of.name)
			claim("scsi-"+of.WWID()+part, m.dm)
			claim("wwn-0x"+of.lu.naa+part, m.dm)
		}
		if m.multipath() {
			claim("scsi-"+m.WWID(), m.dm)
			claim("wwn-0x"+m.lu.naa, m.dm)
		}
	}
	for _, d := range h.sortedDisks() {
		if len(h.mapsOf(d)) > 0 {
			continue
		}
		claim("scsi-"+d.linked.WWID(), d.name)
		claim("wwn-0x"+d.linked.naa, d.name)
	}
	h.relink(want)
}

// relink makes, moves and removes links.
func (h *Host) relink(want map[string]string) {
	dir := h.path("dev/disk/by-id")
	entries, err := os.ReadDir(dir)
	if err != nil {
		h.fail(err)
		return
	}
	have := map[string]string{}
	for _, e := range entries {
		have[e.Name()], _ = os.Readlink(h.path("dev/disk/by-id", e.Name()))
	}
	for link := range have {
		if want[link] == "" {
			h.remove(h.path("dev/disk/by-id", link))
		}
	}
	for link, dev := range want {
		if text := "../../" + dev; have[link] != text {
			h.linkText(text, h.path("dev/disk/by-id", link))
		}
	}
}
