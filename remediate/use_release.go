package remediate

import (
	"fmt"
	"path"
	"strings"

	"github.com/lunsweep/lunsweep/sysfs"
)

// The commands that end a use are for a person to judge and to run. Nothing
// here is ever run by this package.

// unmount is the command that ends a mount, in the namespace that has it.
func unmount(m sysfs.Mount, own uint64) string {
	switch {
	case m.NS == own && systemPoints[m.Point]:
		return "" // the host cannot do without it
	case m.NS == own:
		return "umount " + quoted(m.Point)
	case m.PID != 0:
		return fmt.Sprintf("nsenter -t %d -m umount %s", m.PID, quoted(m.Point))
	}
	return fmt.Sprintf("nsenter --mount=%s umount %s", quoted(m.Via), quoted(m.Point))
}

// withdraw is the command that ends an export.
func withdraw(e sysfs.Export) string {
	if strings.HasPrefix(e.Name, "nvmet/") {
		return "echo 0 > /sys/kernel/config/" + e.Name + "/enable"
	}
	if domain, disk, ok := strings.Cut(strings.TrimPrefix(path.Base(e.Name), "vbd-"), "-"); ok && strings.HasPrefix(e.Name, "bus/xen-backend/") {
		return "xl block-detach " + domain + " " + disk
	}
	kind, _, _ := strings.Cut(path.Base(path.Dir(e.Name)), "_")
	if kind == "iblock" {
		kind = "block" // targetcli's word for it
	}
	return "targetcli /backstores/" + kind + " delete " + quoted(path.Base(e.Name))
}
