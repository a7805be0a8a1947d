package main

import (
	"bufio"
	"context"
	"os"
	"strings"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/blockprobe"
)

// hostMounts is the mount table of this process's own mount namespace, changed
// by the programs of util-linux and e2fsprogs.
type hostMounts struct {
	run    runner
	reader interface {
		Probe(context.Context, blockprobe.Target) blockprobe.Result
	}
}

// Source reads /proc/self/mountinfo:
//
//	36 35 254:3 / /staging rw,relatime shared:1 - ext4 /dev/mapper/mpatha rw
//
// The device is named by its number, below /dev/block, because a name may be
// another device's by now.
func (hostMounts) Source(path string) (string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer f.Close()
	source := "" // the last mount on a path hides the others
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if field := strings.Fields(lines.Text()); len(field) > 4 && unescape.Replace(field[4]) == path {
			source = "/dev/block/" + field[2]
		}
	}
	return source, nil
}

// unescape undoes what the kernel does to blanks in a path.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func (m hostMounts) Mount(ctx context.Context, device, path, fstype string, options []string) error {
	if fstype == "" {
		fstype = "ext4"
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return err
	}
	if err := m.format(ctx, device, fstype); err != nil {
		return err
	}
	argv := []string{"mount", "-t", fstype}
	if len(options) > 0 {
		argv = append(argv, "-o", strings.Join(options, ","))
	}
	_, err := m.run(ctx, append(argv, device, path)...)
	return err
}

// format makes a file system on a device that holds nothing: that it can be read,
// and that blkid finds nothing then (status 2). Any other answer is not proof
// enough, and a device that cannot be read looks empty too.
func (m hostMounts) format(ctx context.Context, device, fstype string) error {
	read := m.reader.Probe(ctx, blockprobe.Target{Node: device, Usable: -1})
	if read.Outcome != blockprobe.Readable {
		return errors.Errorf("%s is %s: %s", device, read.Outcome, read.Reason)
	}
	_, err := m.run(ctx, "blkid", "-p", "-o", "value", "-s", "TYPE", device)
	if ended(err, 2) {
		_, err = m.run(ctx, "mkfs."+fstype, "-q", device)
	}
	return err
}

func (m hostMounts) Bind(ctx context.Context, from, path string, readonly bool) error {
	if source, err := m.Source(path); err != nil || source != "" {
		return err
	}
	if err := os.MkdirAll(path, 0o750); err != nil {
		return err
	}
	how := "bind"
	if readonly {
		how = "bind,ro"
	}
	_, err := m.run(ctx, "mount", "-o", how, from, path)
	return err
}

func (m hostMounts) Unmount(ctx context.Context, path string) error {
	for {
		source, err := m.Source(path)
		if err != nil || source == "" {
			return err
		}
		if _, err := m.run(ctx, "umount", path); err != nil {
			return err
		}
	}
}
