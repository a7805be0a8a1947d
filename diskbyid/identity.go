package diskbyid

import (
	"strings"
)

// Identity returns the WWID that a link's name claims, in the form of multipath
// and scsi_id:
//
//	dm-uuid-mpath-3600…                 3600…
//	dm-uuid-part1-mpath-3600…           3600…
//	scsi-3600…, scsi-3600…-part1        3600…
//	scsi-1ATA_…, scsi-SVENDOR_model_…   1ATA_…, SVENDOR_model_…
//	wwn-0x600…                          3600…
//	nvme-eui.0025…                      eui.0025…
//
// Blanks are underscores there, as udev writes them. A name that says what a
// disk is called and not which it is (dm-name-…, lvm-pv-uuid-…, ata-…, usb-…)
// claims none, nor does one of a form that is not known.
func Identity(name string) (wwid string, ok bool) {
	wwid, _ = identity(name)
	return wwid, wwid != ""
}

// identity also tells whether the name is of a partition.
func identity(name string) (wwid string, partition bool) {
	name, partition = cutPartition(name)
	kind, rest, _ := strings.Cut(name, "-")
	switch kind {
	case "dm":
		wwid, inUUID := mapWWID(rest)
		return unescape(wwid), partition || inUUID
	case "scsi":
		return scsiWWID(rest), partition
	case "wwn":
		return wwnWWID(rest), partition
	case "nvme":
		return nvmeWWID(rest), partition
	}
	return "", partition
}

// cutPartition cuts "-part1" off.
func cutPartition(name string) (disk string, partition bool) {
	i := strings.LastIndex(name, "-part")
	if i < 0 || !isNumber(name[i+len("-part"):]) {
		return name, false
	}
	return name[:i], true
}

// mapWWID reads the rest of dm-…: "uuid-mpath-3600…", "uuid-part1-mpath-3600…".
func mapWWID(rest string) (wwid string, partition bool) {
	uuid, ok := strings.CutPrefix(rest, "uuid-")
	if !ok {
		return "", false
	}
	if number, of, ok := strings.Cut(strings.TrimPrefix(uuid, "part"), "-"); ok && isNumber(number) && strings.HasPrefix(uuid, "part") {
		uuid, partition = of, true
	}
	wwid, ok = strings.CutPrefix(uuid, "mpath-")
	if !ok {
		return "", partition
	}
	return wwid, partition
}

// scsiWWID reads the rest of scsi-…: the kind of the designator in one
// character, as scsi_id has it, and the designator.
//
//	0 vendor specific   1 T10   2 EUI-64   3 NAA   8 SCSI name   S serial number
func scsiWWID(rest string) string {
	if len(rest) < 2 || !strings.Contains("01238S", rest[:1]) {
		return ""
	}
	if strings.Contains("23", rest[:1]) && !isHex(rest[1:]) {
		return ""
	}
	return unescape(rest)
}

// wwnWWID reads the rest of wwn-…: "0x" and an NAA designator. udev writes other
// things there as well (wwn-0xLinux_scsi_debug_2000), which claim nothing.
func wwnWWID(rest string) string {
	naa, ok := strings.CutPrefix(rest, "0x")
	if !ok || !isHex(naa) || !strings.Contains("2356", naa[:1]) {
		return ""
	}
	if long := naa[0] == '6'; long && len(naa) != 32 || !long && len(naa) != 16 {
		return ""
	}
	return "3" + naa
}

// nvmeWWID reads the rest of nvme-…: the kernel's attribute wwid, or a model and
// serial number, which claim nothing.
func nvmeWWID(rest string) string {
	for _, p := range [...]string{"eui.", "uuid.", "nvme."} {
		if strings.HasPrefix(rest, p) && len(rest) > len(p) {
			return unescape(rest)
		}
	}
	return ""
}

// claims reports whether the link with a name claims wwid.
func claims(name, wwid string) bool {
	claimed, ok := Identity(name)
	return ok && wwid != "" && (each(claimed) == each(wwid) || runs(claimed) == runs(wwid))
}

// each and runs write a WWID as udev's rules do in a link's name, one underscore for each
// blank or for a run of them.
func each(wwid string) string { return strings.ReplaceAll(wwid, " ", "_") }
func runs(wwid string) string { return strings.Join(strings.Fields(wwid), "_") }

// unescape undoes udev's \x20.
func unescape(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+4 <= len(s) && s[i:i+2] == `\x` && isHex(s[i+2:i+4]) {
			b.WriteByte(nibble(s[i+2])<<4 | nibble(s[i+3]))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func nibble(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c - 'a' + 10
}

// isHex reports whether s is lower-case hexadecimal digits, as scsi_id writes.
func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdef") == "" }

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
