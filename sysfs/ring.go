package sysfs

import (
	"path"
	"strconv"
	"strings"
	"time"
)

// ringLink is what /proc/PID/fd shows of an io_uring.
const ringLink = "anon_inode:[io_uring]"

// ring looks at the files registered with an io_uring: they stay open when their
// file descriptors are closed. They are known by name alone; one in /dev that is
// no node there makes the process one that could not be looked at.
func (s *openScan) ring(o *opened, proc string, fd int) error {
	names, err := s.ringFiles(proc, fd)
	if err != nil {
		return err
	}
	if names == nil {
		o.unlisted = true
	}
	for _, name := range names {
		devt, ok, err := s.fs.deviceNamed(name)
		if err != nil && o.blind == nil { // also where the node is gone: the ring keeps what it was
			o.blind = err
		}
		if ok && s.want(devt) {
			o.tables = append(o.tables, proc)
			o.list = append(o.list, Opener{FD: fd, Path: name, Devt: devt, Write: true})
		}
	}
	return nil
}

// ringTries is how often the files of a ring are asked for: the kernel lists them only
// where it gets the ring's lock at once.
const ringTries, ringPause = 4, 5 * time.Millisecond

// ringFiles lists a ring's files; nil where the kernel did not, at any try.
func (s *openScan) ringFiles(proc string, fd int) ([]string, error) {
	for try := 1; ; try++ {
		text, err := readFile(s.fs.Path(procDir, proc, "fdinfo", strconv.Itoa(fd)))
		if err != nil {
			return nil, err
		}
		if names, listed := parseRingFiles(text); listed || try == ringTries {
			return names, nil
		}
		time.Sleep(ringPause)
	}
}

// deviceNamed returns the block device that a path names which the kernel has
// printed, false for one that is no block device, or not in /dev: nothing else
// is touched.
func (f *FS) deviceNamed(name string) (DevNum, bool, error) {
	if !strings.HasPrefix(name, "/"+devDir+"/") || !mayBeDevice(name) {
		return DevNum{}, false, nil
	}
	if !f.live {
		d := f.node(name)
		return d, !d.IsZero(), nil
	}
	return blockNode(f.Path(strings.TrimSuffix(name, deleted)))
}

// noRingFile stands for an empty place among a ring's files.
const noRingFile = "<none>"

// parseRingFiles reads the names of registered files from the fdinfo of an
// io_uring (io_uring/fdinfo.c):
//
//	UserFiles:	2
//	    0: /dev/sdb      the last element alone before Linux 6.6
//	    1: /dev/sdc
//	    2: <none>        an empty place, before Linux 6.6
//	UserBufs:	0
//
// Where the ring is locked, there are no elements, or, in newer kernels, nothing of all
// this, and what is registered is not told: nil, and false. A table without a file in it
// looks the same.
func parseRingFiles(text []byte) (names []string, listed bool) {
	var out []string
	in := false
	for line := range strings.Lines(string(text)) {
		number, name, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if _, isNumber := decimal(number, 32); in && ok && isNumber {
			if listed = true; name == noRingFile {
				continue
			}
			if !strings.HasPrefix(name, "/") {
				name = path.Join("/", devDir, name)
			}
			out = append(out, unescape(name))
			continue
		}
		if in = strings.HasPrefix(line, "UserFiles:"); in {
			listed = strings.TrimSpace(strings.TrimPrefix(line, "UserFiles:")) == "0"
		}
	}
	if !listed {
		return nil, false
	}
	return append([]string{}, out...), true
}
