//go:build linux

package guest

import (
	"fmt"
	"os"
	"testing"
)

// Export makes a backstore of LIO's over a device, of kind "iblock" or "fileio",
// so that this host could serve it to others. withdraw ends it.
func Export(t testing.TB, kind, name, device string) (withdraw func()) {
	t.Helper()
	control := "udev_path=" + dev(device)
	if kind == "fileio" {
		control = fmt.Sprintf("fd_dev_name=%s,fd_dev_size=%d", dev(device), 8<<20)
	} else {
		Modprobe(t, "target_core_iblock")
	}
	dir := configfs + "/target/core/" + kind + "_7/" + name
	mkdirs(t, dir)
	Write(t, dir+"/control", control+"\n")
	Write(t, dir+"/enable", "1\n")
	withdrawn := false
	withdraw = func() {
		if !withdrawn {
			withdrawn = true
			_ = os.Remove(dir)
		}
	}
	t.Cleanup(withdraw)
	return withdraw
}
