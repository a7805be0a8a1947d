package diskbyid

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/park"
	"github.com/lunsweep/lunsweep/sysfs"
)

const (
	devDir  = "/dev"
	byIDDir = "/dev/disk/by-id"
	udevDir = "/run/udev"

	mostHops = 8 // links that lead to links, from there on it is a loop
)

// A Dir is the directory /dev/disk/by-id of a host.
type Dir struct {
	fs  *sysfs.FS
	lot *park.Lot // looks that do not come back
}

// New returns the Dir of the host that fs reads: <root>/dev/disk/by-id.
func New(fs *sysfs.FS) *Dir { return &Dir{fs: fs, lot: park.New(0, nil)} }

// A Link is one link of the directory.
type Link struct {
	Name     string // "scsi-3600…", "dm-uuid-mpath-3600…"
	Target   string // as it was read: "../../dm-12"
	Dev      string // kernel name of the device that it leads to: "dm-12", "sdi", "sdi1"
	Dangling bool   // there is no such node in /dev
}

// Claims reports whether the link names an identity, be it of a partition.
func (l Link) Claims(wwid string) bool { return claims(l.Name, wwid) }

// List reads all links, sorted by name. A directory that is not there, as on a
// host without disks that have an identity, is an empty list; a /dev that is not
// there is an error. A link that goes away meanwhile is left out.
func (d *Dir) List(ctx context.Context) ([]Link, error) {
	return d.look(ctx, func(string) bool { return true })
}

// Resolve reads one link. One that is not there gives an error that matches
// [fs.ErrNotExist]; one that dangles is no error.
func (d *Dir) Resolve(ctx context.Context, name string) (Link, error) {
	if err := ctx.Err(); err != nil {
		return Link{}, err
	}
	if name == "" || name == "." || name == ".." || filepath.Base(name) != name {
		return Link{}, errors.WithStack(&fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid})
	}
	return bounded(ctx, d, byIDDir, func() (Link, error) { return d.read(name, d.stat) })
}

// Naming reads the links that claim an identity, those of partitions included.
func (d *Dir) Naming(ctx context.Context, wwid string) ([]Link, error) {
	return d.look(ctx, func(name string) bool { return claims(name, wwid) })
}

func (d *Dir) look(ctx context.Context, want func(name string) bool) ([]Link, error) {
	return bounded(ctx, d, byIDDir, func() ([]Link, error) { return d.list(ctx, want) })
}

// list reads the links whose names are wanted. Whether they dangle is told from
// one look at /dev, not from one for each.
func (d *Dir) list(ctx context.Context, want func(name string) bool) ([]Link, error) {
	names, err := d.names(byIDDir)
	if errors.Is(err, fs.ErrNotExist) {
		names, err = nil, d.devThere()
	}
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !want(name) })
	if len(names) == 0 {
		return nil, nil
	}
	nodes, err := d.nodes()
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return d.readAll(ctx, names, nodes)
}

func (d *Dir) readAll(ctx context.Context, names []string, there func(string) (bool, error)) ([]Link, error) {
	out := make([]Link, 0, len(names))
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l, err := d.read(name, there)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// read reads one link. there says whether a path of the host is there.
func (d *Dir) read(name string, there func(host string) (bool, error)) (Link, error) {
	host := path.Join(byIDDir, name)
	target, err := os.Readlink(d.fs.Path(host))
	if err != nil {
		return Link{}, errors.WithStack(err)
	}
	node := d.follow(resolve(host, filepath.ToSlash(target)))
	ok, err := there(node)
	if err != nil {
		return Link{}, err
	}
	return Link{Name: name, Target: target, Dev: kernelName(node), Dangling: !ok}, nil
}

// resolve returns the host's path that the link at host leads to.
func resolve(host, target string) string {
	if path.IsAbs(target) {
		return path.Clean(target)
	}
	return path.Join(path.Dir(host), target)
}

// follow goes on from a path that is itself a link, such as /dev/mapper/mpathb.
// What is directly in /dev is a node of the kernel's and is not looked at.
func (d *Dir) follow(host string) string {
	for range mostHops {
		if path.Dir(host) == devDir {
			return host
		}
		target, err := os.Readlink(d.fs.Path(host))
		if err != nil {
			return host
		}
		host = resolve(host, filepath.ToSlash(target))
	}
	return host
}

// kernelName returns the kernel's name of a node: "cciss!c0d0" for
// /dev/cciss/c0d0.
func kernelName(node string) string {
	name, ok := strings.CutPrefix(node, devDir+"/")
	if !ok {
		return path.Base(node)
	}
	return strings.ReplaceAll(name, "/", "!")
}

// nodes lists /dev, and returns what says whether a path of the host is there.
func (d *Dir) nodes() (func(host string) (bool, error), error) {
	names, err := d.names(devDir)
	if err != nil {
		return nil, err
	}
	nodes := make(map[string]bool, len(names))
	for _, name := range names {
		nodes[name] = true
	}
	return func(host string) (bool, error) {
		if path.Dir(host) == devDir {
			return nodes[path.Base(host)], nil
		}
		return d.stat(host)
	}, nil
}

// stat says whether a path of the host is there.
func (d *Dir) stat(host string) (bool, error) {
	_, err := os.Lstat(d.fs.Path(host))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, errors.WithStack(err)
}

// devThere reports an error where there is no /dev at all.
func (d *Dir) devThere() error {
	_, err := os.Lstat(d.fs.Path(devDir))
	return errors.WithStack(err)
}

// names lists a directory of the host.
func (d *Dir) names(host string) ([]string, error) {
	f, err := os.Open(d.fs.Path(host))
	if err != nil {
		return nil, errors.WithStack(err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return names, errors.WithStack(err)
}
