package sysfs

import "strings"

// BootID returns the random id of this boot, from
// /proc/sys/kernel/random/boot_id. Device numbers, names and disk sequence
// numbers mean something within one boot only.
func (f *FS) BootID() (string, error) { return f.line("sys/kernel/random/boot_id") }

// Hostname returns the host's name, from /proc/sys/kernel/hostname. In a
// container with a UTS namespace of its own it is the container's.
func (f *FS) Hostname() (string, error) { return f.line("sys/kernel/hostname") }

// line reads a file of /proc that is one line.
func (f *FS) line(name string) (string, error) {
	text, err := readFile(f.Path(procDir, name))
	return strings.TrimSpace(string(text)), err
}
