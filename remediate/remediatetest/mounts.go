package remediatetest

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// hostNS is the inode of the first mount namespace (PROC_MNT_INIT_INO).
const hostNS = 4026531841

// A mount is one file system, mounted in one namespace.
type mount struct {
	dev, point string
	ns         uint64
}

// Mount mounts the file system on a device, in the first namespace.
func (h *Host) Mount(dev, point string) { h.set(func() { h.mountIn(dev, point, hostNS) }) }

// MountElsewhere mounts the file system on a device in a mount namespace of its
// own, with one process (pid, "pause") in it: no other process sees it.
func (h *Host) MountElsewhere(dev, point string, pid int) {
	h.set(func() {
		h.nextNS++
		h.startProcess(pid, "pause", h.nextNS, idle)
		h.mountIn(dev, point, h.nextNS)
	})
}

func (h *Host) mountIn(dev, point string, ns uint64) {
	h.known(dev)
	h.mounts = append(h.mounts, mount{dev, point, ns})
	for _, p := range h.procs {
		h.writeProcess(p)
	}
}

// Unmount takes away every mount of a device.
func (h *Host) Unmount(dev string) {
	h.set(func() {
		var rest []mount
		for _, m := range h.mounts {
			if m.dev != dev {
				rest = append(rest, m)
			}
		}
		h.mounts = rest
		for _, p := range h.procs {
			h.writeProcess(p)
		}
	})
}

// Swap makes a device a swap area in use.
func (h *Host) Swap(dev string) {
	h.set(func() {
		h.known(dev)
		h.swaps = append(h.swaps, dev)
		h.writeSwaps()
	})
}

// mountInfo is /proc/PID/mountinfo of a namespace.
func (h *Host) mountInfo(ns uint64) string {
	text := "23 28 0:22 / /sys rw,nosuid - sysfs sysfs rw\n" +
		"24 28 0:23 / /proc rw,nosuid - proc proc rw\n" +
		"25 28 0:6 / /dev rw,nosuid - devtmpfs udev rw,mode=755\n"
	for i, m := range h.mounts {
		if m.ns != ns {
			continue
		}
		dev, _ := os.ReadFile(h.path("sys/class/block", m.dev, "dev"))
		text += fmt.Sprintf("%d 28 %s / %s rw,relatime - ext4 %s rw\n",
			28+i, strings.TrimSpace(string(dev)), strings.ReplaceAll(m.point, " ", `\040`), h.node(m.dev))
	}
	return text
}

// node is how people name a device: /dev/mapper/mpathb, /dev/sda1.
func (h *Host) node(dev string) string {
	if m := h.maps[dev]; m != nil {
		return "/dev/mapper/" + m.name
	}
	return "/dev/" + dev
}

func (h *Host) writeSwaps() {
	text := "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
	for _, dev := range h.swaps {
		text += fmt.Sprintf("%-40s%s\t%d\t\t0\t\t-2\n", "/dev/"+dev, "partition", 8388604)
	}
	h.write(h.path("proc/swaps"), text)
}

// opens is how often a device is open: file systems, swap areas, devices on
// top, file descriptors, and reads under way.
func (h *Host) opens(dev string) int {
	n := len(h.on(dev))
	for _, held := range h.held {
		if held == dev {
			n++
		}
	}
	if slices.ContainsFunc(h.mounts, func(m mount) bool { return m.dev == dev }) {
		n++ // once, however many namespaces have it
	}
	if slices.Contains(h.swaps, dev) {
		n++
	}
	for _, p := range h.procs {
		for _, o := range p.opens {
			if o == dev && p.pid != os.Getpid() {
				n++
			}
		}
	}
	if m := h.maps[dev]; m != nil {
		n += m.reading
	}
	return n
}
