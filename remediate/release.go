package remediate

import (
	"strings"

	"github.com/lunsweep/lunsweep/sysfs"
)

// releaseOf is the command by which an operator would take the block device
// name, which is b, off what it stands on; "" where none is known. It is for
// people to read: nothing in this package ever runs it.
func releaseOf(name string, b *sysfs.Block) string {
	switch {
	case strings.HasPrefix(name, "loop"):
		return "losetup -d /dev/" + name
	case strings.HasPrefix(name, "bcache"):
		return "echo 1 > /sys/block/" + name + "/bcache/stop"
	case strings.HasPrefix(name, "md"):
		return "mdadm --stop /dev/" + name
	case b == nil || b.DM == nil || b.DM.Name == "":
		return ""
	case strings.HasPrefix(b.DM.UUID, "LVM-"):
		// LVM cannot find a group whose LU is gone.
		return "vgchange -an " + quoted(volumeGroup(b.DM.Name)) + " || dmsetup remove " + quoted(b.DM.Name)
	case strings.HasPrefix(b.DM.UUID, "mpath-"):
		return "multipath -f " + quoted(b.DM.Name)
	case strings.HasPrefix(b.DM.UUID, "CRYPT-"):
		return "cryptsetup close " + quoted(b.DM.Name)
	}
	return "dmsetup remove " + quoted(b.DM.Name)
}

// volumeGroup is the group in the device-mapper name of a logical volume: both
// are joined by a dash, and the dashes within them are doubled.
func volumeGroup(name string) string {
	const dash = "\x00"
	group, _, _ := strings.Cut(strings.ReplaceAll(name, "--", dash), "-")
	return strings.ReplaceAll(group, dash, "-")
}

// quoted is a word as a shell takes it for one.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/_.:+-@%=,~", r)
	}
	if word != "" && word[0] != '~' && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
