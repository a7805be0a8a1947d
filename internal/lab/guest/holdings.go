//go:build linux

package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Kill ends a process and waits until it has gone.
func Kill(t testing.TB, pid int) {
	t.Helper()
	_ = syscall.Kill(pid, syscall.SIGKILL)
	WaitFor(t, fmt.Sprintf("process %d ends", pid), settled, func() error {
		if p := Process(pid); p.State != "" && p.State != "Z" {
			return fmt.Errorf("it is %s", p)
		}
		return nil
	})
}

// RemoveVolume deactivates a logical volume, by the name of its device, whose
// group LVM cannot read any more.
func RemoveVolume(t testing.TB, name string) {
	t.Helper()
	if said, err := Try("vgchange", "-an", strings.ReplaceAll(name[:strings.LastIndex(name, "-")], "--", "-")); err != nil {
		t.Logf("vgchange: %v %s", err, said)
	}
	if _, there := DmsetupInfo(t)[name]; there {
		Run(t, "dmsetup", "remove", "--retry", name)
	}
}

// NodeElsewhere makes another node of a device outside /dev, as a container or
// a published block volume has, and returns it.
func NodeElsewhere(t testing.TB, device string) string {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Stat(dev(device), &st); err != nil {
		t.Fatal(err)
	}
	node := filepath.Join(folder(t, "node-"), "volume")
	if err := syscall.Mknod(node, syscall.S_IFBLK|0o600, int(st.Rdev)); err != nil {
		t.Fatal(err)
	}
	return node
}

// LoopOverFile puts a loop device over a file on the device's file system, and
// unmounts that lazily: it stays mounted, and no mount table shows it.
func LoopOverFile(t testing.TB, device string) string {
	t.Helper()
	dir := folder(t, "image-")
	Run(t, "mount", dev(device), dir)
	Run(t, "truncate", "--size=4M", dir+"/image")
	node := Losetup(t, dir+"/image")
	Run(t, "umount", "--lazy", dir)
	return node
}

// Journal makes a device the external journal of a file system that is mounted
// from elsewhere, until release is called.
func Journal(t testing.TB, device string) (release func()) {
	t.Helper()
	Modprobe(t, "loop")
	image := filepath.Join(folder(t, "fs-"), "image")
	Run(t, "truncate", "--size=32M", image)
	Run(t, "mke2fs", "-q", "-F", "-b", "4096", "-O", "journal_dev", dev(device))
	Run(t, "mke2fs", "-q", "-F", "-b", "4096", "-t", "ext4", "-J", "device="+dev(device), image)
	dir := folder(t, "mnt-")
	Run(t, "mount", "-o", "loop", image, dir)
	release = func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }
	t.Cleanup(release)
	return release
}

// KernelPartition writes a partition table with one partition to a disk and
// returns the node of the partition that the kernel makes.
func KernelPartition(t testing.TB, device string) string {
	t.Helper()
	Run(t, "sh", "-c", "echo 'label: dos\n2048,' | sfdisk "+dev(device))
	Udev(t)
	node := dev(device) + "1"
	WaitFor(t, node, settled, func() error { _, err := os.Stat(node); return err })
	return node
}

// Generic is the other node of a SCSI disk, of the driver sg (class
// "scsi_generic") or "bsg".
func Generic(t testing.TB, class, device string) string {
	t.Helper()
	nodes := map[string]string{"scsi_generic": "/dev/", "bsg": "/dev/bsg/"}
	dir := "/sys/block/" + strings.TrimPrefix(device, "/dev/") + "/device/" + class
	var node string
	WaitFor(t, dir, settled, func() error {
		found, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		node = nodes[class] + found[0].Name()
		_, err = os.Stat(node)
		return err
	})
	return node
}

// MapCalled is the map whose node is given.
func MapCalled(t testing.TB, node string) Map {
	t.Helper()
	for _, m := range Maps() {
		if m.Dev() == node || m.Name == strings.TrimPrefix(node, "/dev/mapper/") {
			return m
		}
	}
	t.Fatalf("no map is called %s", node)
	return Map{}
}
