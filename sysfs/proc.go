package sysfs

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// pids lists the processes of /proc, in ascending order.
func (f *FS) pids() ([]int, error) { return numbersIn(f.Path(procDir)) }

// tasks lists the threads of a process, in ascending order.
func (f *FS) tasks(pid int) ([]int, error) {
	return numbersIn(f.Path(procDir, strconv.Itoa(pid), "task"))
}

// numbersIn lists the entries of a directory that are numbers.
func numbersIn(path string) ([]int, error) {
	d, err := openDir(path)
	if err != nil {
		return nil, err
	}
	defer d.close()
	names, err := d.names()
	var out []int
	for _, name := range names {
		if n, ok := decimal(name, 31); ok {
			out = append(out, int(n))
		}
	}
	slices.Sort(out)
	return out, err
}

// ended reports whether err, of reading below /proc/PID, says that the process
// is not there any more, or only as a zombie (EINVAL, of mountinfo).
func ended(err error) bool {
	return absent(err) || errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.EINVAL)
}

// denied reports whether err says that we may not look.
func denied(err error) bool { return errors.Is(err, fs.ErrPermission) }

// A procStat is what we need of /proc/PID/stat.
type procStat struct {
	comm  string
	state byte   // 'D' is uninterruptible sleep
	start uint64 // clock ticks from boot to the start of the process
}

// parseProcStat reads /proc/PID/stat, proc_pid_stat(5):
//
//	1112 ((udev-worker)) D 755 755 … 1215 24645632 …
//	pid  (comm)          state       22nd: starttime
//
// The name may hold blanks and brackets: it ends at the last one.
func parseProcStat(text []byte) (procStat, error) {
	from, to := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if from < 0 || to < from {
		return procStat{}, badText("process stat", string(text))
	}
	field := strings.Fields(string(text[to+1:]))
	const state, start = 0, 22 - 3 // the first field behind the name is the third
	if len(field) <= start || len(field[state]) != 1 {
		return procStat{}, badText("process stat", string(text))
	}
	ticks, ok := decimal(field[start], 64)
	if !ok {
		return procStat{}, badText("process stat", string(text))
	}
	return procStat{comm: string(text[from+1 : to]), state: field[state][0], start: ticks}, nil
}

// An fdInfo is what we need of /proc/PID/fdinfo/N.
type fdInfo struct {
	flags uint64 // of open(2)
	mount uint64 // id of the mount, as in mountinfo
	pos   string // of the next read or write
}

// parseFDInfo reads /proc/PID/fdinfo/N, proc_pid_fdinfo(5), of which more lines
// may follow:
//
//	pos:	0
//	flags:	0140000      octal
//	mnt_id:	30           from Linux 3.15 on
//	ino:	675          from Linux 5.14 on
func parseFDInfo(text []byte) (fdInfo, error) {
	var info fdInfo
	var seen bool
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		var err error
		switch key {
		case "pos":
			info.pos = value
		case "flags":
			info.flags, err = strconv.ParseUint(value, 8, 64)
			seen = true
		case "mnt_id":
			info.mount, err = strconv.ParseUint(value, 10, 64)
		}
		if err != nil {
			return fdInfo{}, badText("fdinfo", string(text))
		}
	}
	if !seen {
		return fdInfo{}, badText("fdinfo", string(text))
	}
	return info, nil
}

// parseBootTime returns the line btime of /proc/stat: seconds since 1970.
func parseBootTime(text []byte) (int64, error) {
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "btime "); ok {
			n, ok := decimal(strings.TrimSpace(value), 63)
			if !ok {
				return 0, badText("boot time", line)
			}
			return int64(n), nil
		}
	}
	return 0, badText("boot time", "")
}
