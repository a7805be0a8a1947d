package lockdir

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/park"
)

// A Lock is one that is held.
type Lock struct {
	d    *Dir
	dir  *os.Root
	file *os.File
	name string // the key's digest
}

// A HeldError says that somebody else holds the lock. It matches the error of
// the context that ended the waiting.
type HeldError struct {
	Holder string // as he wrote it down himself; "" where he did not
	Cause  error
}

func (e *HeldError) Error() string {
	if e.Holder == "" {
		return "locked"
	}
	return "locked by " + e.Holder
}

func (e *HeldError) Unwrap() error { return e.Cause }

// errHeld says that a lock could not be had at once.
var errHeld = errors.New("locked")

// Lock takes the lock of key, and waits for it until ctx ends; where that is
// over already it tries once. holder is what others are told of who holds it.
func (d *Dir) Lock(ctx context.Context, key, holder string) (*Lock, error) {
	for last := error(nil); ; {
		l, err := d.try(ctx, digest(key), holder)
		var held *HeldError
		if err != nil && ctx.Err() != nil && last != nil {
			err = last // that time is up in the midst of a try says less
		}
		if last = err; !errors.As(err, &held) || !pause(ctx) {
			if held != nil {
				held.Cause = ctx.Err()
			}
			return l, err
		}
	}
}

// try takes the lock, or says who holds it.
func (d *Dir) try(ctx context.Context, name, holder string) (*Lock, error) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), moment)
		defer cancel()
	}
	h := &handover{}
	l, err := bounded(ctx, d, "lock "+name, func() (*Lock, error) {
		l, err := d.takeNow(name, holder)
		if err == nil {
			h.give(l)
		}
		return l, err
	})
	if err != nil {
		h.leave()
	}
	return l, err
}

func (d *Dir) takeNow(name, holder string) (*Lock, error) {
	dir, err := d.make()
	if err != nil {
		return nil, errors.WithStack(err)
	}
	l := &Lock{d: d, dir: dir, name: name}
	if l.file, err = take(dir, name+lockSuffix); err != nil {
		if errors.Is(err, errHeld) {
			err = &HeldError{Holder: holderOf(dir, name+lockSuffix)}
		}
		dir.Close()
		return nil, errors.WithStack(err)
	}
	if err := l.sign(holder); err != nil {
		l.release()
		return nil, errors.WithStack(err)
	}
	return l, nil
}

// pause reports whether there is time for one more try.
func pause(ctx context.Context) bool {
	t := time.NewTimer(25 * time.Millisecond)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return ctx.Err() == nil
	}
}

// take opens and locks a file. One that its last holder has taken out of the
// directory meanwhile excludes nobody, nor does what a link leads to.
func take(dir *os.Root, name string) (*os.File, error) {
	f, err := dir.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, false); err != nil {
		f.Close()
		return nil, err
	}
	there, err := dir.Lstat(name)
	if err == nil {
		var own fs.FileInfo
		if own, err = f.Stat(); err == nil && os.SameFile(there, own) {
			return f, nil
		}
	}
	f.Close()
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = errHeld
	}
	return nil, err
}

func (l *Lock) sign(holder string) error {
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err := l.file.WriteAt([]byte(holder), 0)
	return err
}

// holderOf is what the holder of a lock wrote into it, in one short line.
func holderOf(dir *os.Root, name string) string {
	b, err := read(dir, name)
	if err != nil {
		return ""
	}
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(b))
	return line[:min(len(line), 80)]
}

// Unlock lets the lock go, and takes its file away: whoever waits for it finds
// that out ([take]). Where the file system hangs, that comes about later.
func (l *Lock) Unlock() {
	ctx, cancel := context.WithTimeout(context.Background(), moment)
	defer cancel()
	_, err := bounded(ctx, l.d, "unlock "+l.name, func() (struct{}, error) { l.release(); return struct{}{}, nil })
	var full *park.LimitError
	var stuck *park.StuckError
	if errors.As(err, &full) || errors.As(err, &stuck) && !stuck.Began {
		go l.release() // a lock that is never let go costs more than a thread
	}
}

func (l *Lock) release() {
	_ = l.dir.Remove(l.name + lockSuffix)
	l.file.Close()
	l.dir.Close()
}

// Note returns the note beside the lock, without a text where there is none.
func (l *Lock) Note(ctx context.Context) (Note, error) {
	n := Note{File: filepath.Join(l.d.path, l.name+noteSuffix)}
	b, err := bounded(ctx, l.d, "read note "+l.name, func() ([]byte, error) {
		b, err := read(l.dir, l.name+noteSuffix)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return b, errors.WithStack(err)
	})
	n.Text = b
	return n, err
}

// SetNote puts a note beside the lock, in place of the one that was there. When
// it returns without an error, the note is on the disk.
func (l *Lock) SetNote(ctx context.Context, b []byte) error {
	if len(b) > longestFile {
		return errors.Errorf("a note of %d bytes", len(b))
	}
	return l.write(ctx, func() error {
		fresh := l.name + freshSuffix
		if err := l.fill(fresh, b); err != nil {
			return errors.WithStack(err)
		}
		if err := l.dir.Rename(fresh, l.name+noteSuffix); err != nil {
			return errors.WithStack(err)
		}
		return l.sync()
	})
}

// write changes the lock's note. While one change has not come back, no other is
// begun.
func (l *Lock) write(ctx context.Context, fn func() error) error {
	_, err := bounded(ctx, l.d, "write note "+l.name, func() (struct{}, error) { return struct{}{}, fn() })
	return err
}

func (l *Lock) fill(name string, b []byte) error {
	f, err := l.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// DropNote takes the note away, if there is one.
func (l *Lock) DropNote(ctx context.Context) error {
	return l.write(ctx, func() error {
		err := l.dir.Remove(l.name + noteSuffix)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return errors.WithStack(err)
		}
		return l.sync()
	})
}

// sync brings the directory itself to the disk.
func (l *Lock) sync() error {
	d, err := l.dir.Open(".")
	if err != nil {
		return errors.WithStack(err)
	}
	defer d.Close()
	return errors.WithStack(d.Sync())
}
