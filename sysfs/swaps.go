package sysfs

import (
	"context"
	"strings"
)

// The kinds of [Swap.Type].
const (
	SwapPartition = "partition" // a block device of any kind
	SwapFile      = "file"
)

// A Swap is one swap area in use.
type Swap struct {
	Path string // as given to swapon(2); " (deleted)" behind it where the name is gone
	Type string // SwapPartition or SwapFile
	Devt DevNum // of a block device; zero for a file, and where it cannot be told
	Size uint64 // bytes
	Used uint64 // bytes
}

// Swaps reads /proc/swaps, which is the host's in every container. A block
// device whose node is neither at its path nor known to /sys/class/block by its
// name has a zero Devt: take it for any device. A kernel without swap has none.
func (f *FS) Swaps(ctx context.Context) ([]Swap, error) {
	return bounded(ctx, f, "swaps", func() ([]Swap, error) {
		file := f.Path(procDir, "swaps")
		text, err := readFile(file)
		if absent(err) {
			return nil, f.procThere()
		}
		if err != nil {
			return nil, err
		}
		list, err := parseSwaps(text)
		for i := range list {
			if list[i].Type == SwapPartition {
				list[i].Devt = f.node(list[i].Path)
			}
		}
		return list, pathError("parse", file, err)
	})
}

// procThere reports an error where /proc is not mounted.
func (f *FS) procThere() error {
	d, err := openDir(f.Path(procDir, "sys", "kernel"))
	if err == nil {
		d.close()
	}
	return err
}

// parseSwaps reads /proc/swaps, sizes in KiB, the path escaped as in mountinfo:
//
//	Filename				Type		Size		Used		Priority
//	/dev/dm-1                               partition	8388604		1024		-2
func parseSwaps(text []byte) ([]Swap, error) {
	var out []Swap
	for line := range strings.Lines(string(text)) {
		field := strings.Fields(line)
		if len(field) > 0 && field[0] == "Filename" {
			continue
		}
		if len(field) != 5 {
			return nil, badText("swaps line", line)
		}
		size, sizeOK := decimal(field[2], 54)
		used, usedOK := decimal(field[3], 54)
		if !sizeOK || !usedOK {
			return nil, badText("swaps line", line)
		}
		out = append(out, Swap{Path: unescape(field[0]), Type: field[1], Size: size << 10, Used: used << 10})
	}
	return out, nil
}
