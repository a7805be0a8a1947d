package sysfs

import (
	"strings"
	"sync"
)

// A mountKind says whether a file on a mount can be asked what it is without
// the risk of waiting for somebody else.
type mountKind uint8

const (
	mountUnlisted mountKind = iota // in no mountinfo
	mountLocal
	mountRemote
)

// localTypes are the file systems whose stat(2) of an open file comes from
// memory, and that can hold a device node.
var localTypes = map[string]bool{
	"devtmpfs": true, "tmpfs": true, "ramfs": true, "rootfs": true, "overlay": true, "aufs": true,
	"ext2": true, "ext3": true, "ext4": true, "xfs": true, "btrfs": true, "f2fs": true, "jfs": true,
	"reiserfs": true, "bcachefs": true, "zfs": true, "nilfs2": true, "minix": true,
	"squashfs": true, "erofs": true, "iso9660": true, "cramfs": true, "romfs": true,
	"ubifs": true, "jffs2": true,
}

func kindOf(fstype string) mountKind {
	if name, _, _ := strings.Cut(fstype, "."); localTypes[name] {
		return mountLocal
	}
	return mountRemote
}

// A mountTypes knows the mounts by their ids, which are unique on a host, of all
// processes that it was asked about. It is safe for concurrent use.
type mountTypes struct {
	fs *FS

	mu   sync.Mutex
	kind map[uint64]mountKind
	read map[view]bool
}

func newMountTypes(f *FS) *mountTypes {
	return &mountTypes{fs: f, kind: map[uint64]mountKind{}, read: map[view]bool{}}
}

// of returns the kind of the mount with an id, which a process or thread has a
// file open on. It reads a mountinfo only where the id is not known yet.
func (m *mountTypes) of(proc string, id uint64) mountKind {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.kind[id]; ok {
		return k
	}
	s, ok := m.fs.seat(0, proc)
	if !ok || s.blind != nil || m.read[s.view] {
		return mountUnlisted
	}
	lines, err := m.fs.mountInfo(proc)
	if err != nil {
		return mountUnlisted
	}
	m.read[s.view] = true
	for _, l := range lines {
		m.kind[l.id] = kindOf(l.fstype)
	}
	return m.kind[id]
}
