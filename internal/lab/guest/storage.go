//go:build linux

package guest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Mkfs makes a file system of the given type, ext4 or xfs, on a device.
func Mkfs(t testing.TB, fstype, device string) {
	t.Helper()
	force := "-F"
	if fstype == "xfs" {
		force = "-f"
	}
	Run(t, "mkfs."+fstype, "-q", force, dev(device))
	Udev(t)
}

// Mount mounts a device on a new folder under /tmp and returns it. It is
// unmounted lazily with the test, so that the guest can end.
func Mount(t testing.TB, device string) string {
	t.Helper()
	dir := folder(t, "mnt-")
	Run(t, "mount", dev(device), dir)
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// MountReadOnly is Mount for a device that the kernel, too, must not write to.
func MountReadOnly(t testing.TB, device string) string {
	t.Helper()
	dir := folder(t, "mnt-")
	Run(t, "mount", "-o", "ro", dev(device), dir)
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// Umount unmounts a folder.
func Umount(t testing.TB, dir string) { t.Helper(); Run(t, "umount", dir) }

// MountElsewhere mounts a device in a mount namespace of its own, which no
// other process's mount table shows. It returns the process id of its one
// inhabitant, which dies with the test.
func MountElsewhere(t testing.TB, device string) int {
	t.Helper()
	dir := folder(t, "elsewhere-")
	cmd := exec.Command("unshare", "--mount", "--propagation", "private",
		"sh", "-c", `mount "$1" "$2" && touch "$2".done && exec sleep 1000`, "sh", dev(device), dir)
	said := scratch()
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	WaitFor(t, device+" is mounted in a namespace of its own", settled, func() error {
		if _, err := os.Stat(dir + ".done"); err != nil {
			return fmt.Errorf("%w; %s", err, content(said))
		}
		return nil
	})
	return cmd.Process.Pid
}

// Swapon makes a device swap space and uses it, until the test ends.
func Swapon(t testing.TB, device string) {
	t.Helper()
	Run(t, "mkswap", dev(device))
	Run(t, "swapon", dev(device))
	t.Cleanup(func() { _, _ = TryFor(10*time.Second, "swapoff", dev(device)) })
}

// VolumeGroup makes a device a physical volume with one active logical volume
// over all of it, and returns the volume's node.
func VolumeGroup(t testing.TB, device, group, volume string) string {
	t.Helper()
	// The devices file of newer LVM, and its filter of multipath members, are no
	// matter of the scenarios.
	config := `devices { use_devicesfile=0 multipath_component_detection=1 } global { event_activation=0 }`
	if _, err := Try("lvmconfig", "--config", config, "devices/use_devicesfile"); err != nil {
		config = `devices { multipath_component_detection=1 }`
	}
	for _, c := range []string{
		"pvcreate -ff -y " + dev(device),
		"vgcreate " + group + " " + dev(device),
		"lvcreate -y -Wn -Zn -l 100%FREE -n " + volume + " " + group,
	} {
		f := strings.Fields(c)
		Run(t, append([]string{f[0], "--config", config}, f[1:]...)...)
	}
	Run(t, "vgmknodes", group)
	return filepath.Join("/dev", group, volume)
}

// Deactivate ends what VolumeGroup made active; the metadata stays on the disk.
func Deactivate(t testing.TB, group string) { t.Helper(); Run(t, "vgchange", "-an", group) }

// Crypt opens a plain dm-crypt device over a device, under the name given.
func Crypt(t testing.TB, device, name string) string {
	t.Helper()
	Modprobe(t, "dm-crypt")
	Run(t, "sh", "-c", "printf %064d 7 | cryptsetup open --type plain --cipher aes-cbc-plain --key-size 256 --key-file - "+dev(device)+" "+name)
	return "/dev/mapper/" + name
}

// LUKS makes an encrypted volume on a device, with a key derivation that costs
// nothing, and opens it under the name given.
func LUKS(t testing.TB, device, name string) string {
	t.Helper()
	Modprobe(t, "dm-crypt")
	const key = "printf %064d 7 | cryptsetup --batch-mode --key-file - "
	Run(t, "sh", "-c", key+"--type luks2 --cipher aes-cbc-plain64 --key-size 256 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "+
		"--luks2-metadata-size 16k --luks2-keyslots-size 512k luksFormat "+dev(device))
	Run(t, "sh", "-c", key+"open "+dev(device)+" "+name)
	return "/dev/mapper/" + name
}

// CloseCrypt closes what LUKS or Crypt opened.
func CloseCrypt(t testing.TB, name string) { t.Helper(); Run(t, "cryptsetup", "close", name) }

// Losetup puts a loop device over a device and returns its node.
func Losetup(t testing.TB, device string) string {
	t.Helper()
	Modprobe(t, "loop")
	return Run(t, "losetup", "--find", "--show", dev(device))
}

// Partition writes a partition table with one partition to a map, has kpartx
// map it, and returns the partition's map name as dmsetup knows it.
func Partition(t testing.TB, m Map) string {
	t.Helper()
	Run(t, "sh", "-c", "echo 'label: dos\n2048,' | sfdisk --no-reread --no-tell-kernel "+m.Dev())
	Run(t, "kpartx", "-a", m.Dev())
	Udev(t)
	name := ""
	WaitFor(t, "kpartx maps the partition of "+m.Name, settled, func() error {
		for _, i := range DmsetupInfo(t) {
			if i.UUID == "part1-mpath-"+m.WWID {
				name = i.Name
				return nil
			}
		}
		return fmt.Errorf("there are %v", DmsetupLs(t))
	})
	return name
}

// Hold opens a device for reading, or for reading and writing, in this process,
// and does nothing with it until the test ends or close is called.
func Hold(t testing.TB, device string, write bool) (release func()) {
	t.Helper()
	mode := os.O_RDONLY
	if write {
		mode = os.O_RDWR
	}
	f, err := os.OpenFile(dev(device), mode|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return func() { f.Close() }
}

func folder(t testing.TB, prefix string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", prefix)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
