//go:build linux

package guest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"
)

// A Writer is an application on a mounted file system: it writes a record every
// 20 ms, has it made durable with fsync, and only then counts it as written.
type Writer struct {
	dir  string
	seed byte
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	written int           // records 1 to written are durable
	worst   time.Duration // of one record
	err     error         // the first one; nothing was written after it
}

// The writer's file is a ring of this many records of this size.
const (
	records    = 256
	recordSize = 4096
)

// StartWriter starts to write to a file in dir, with contents that only this
// seed makes.
func StartWriter(t testing.TB, dir string, seed byte) *Writer {
	t.Helper()
	w := &Writer{dir: dir, seed: seed, stop: make(chan struct{}), done: make(chan struct{})}
	f, err := os.OpenFile(w.file(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	go w.run(f)
	t.Cleanup(w.end) // without waiting: it may be beyond that
	WaitFor(t, "the writer in "+dir+" writes", settled, func() error {
		if w.Written() == 0 {
			return fmt.Errorf("nothing yet, %s", fmt.Sprint(w.Err()))
		}
		return nil
	})
	return w
}

func (w *Writer) file() string { return w.dir + "/records" }

func (w *Writer) run(f *os.File) {
	defer close(w.done)
	defer f.Close()
	for n := 1; ; n++ {
		select {
		case <-w.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		begun := time.Now()
		_, err := f.WriteAt(w.record(n), place(n))
		if err == nil {
			err = f.Sync()
		}
		w.mu.Lock()
		w.worst, w.err = max(w.worst, time.Since(begun)), err
		if err == nil {
			w.written = n
		}
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// record is the n-th record: its number, and bytes that depend on it.
func (w *Writer) record(n int) []byte {
	b := make([]byte, recordSize)
	seed := [32]byte{w.seed, 'w', byte(n), byte(n >> 8), byte(n >> 16)}
	_, _ = rand.NewChaCha8(seed).Read(b)
	binary.LittleEndian.PutUint64(b, uint64(n))
	return b
}

func place(n int) int64 { return int64(n%records) * recordSize }

func (w *Writer) end() {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
}

// Written is the number of records that are durable.
func (w *Writer) Written() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written
}

// Worst is how long the slowest record took.
func (w *Writer) Worst() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.worst
}

// Err is the error that ended the writer, if one did.
func (w *Writer) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Stop ends the writer and waits for its last record.
func (w *Writer) Stop(t testing.TB, limit time.Duration) {
	t.Helper()
	w.end()
	select {
	case <-w.done:
	case <-time.After(limit):
		t.Fatalf("the writer in %s has not ended within %s", w.dir, limit)
	}
}

// Check reads the file again, in the folder where its file system is mounted
// now, and ends the test when a durable record is not there. The record that
// failed may be there or not.
func (w *Writer) Check(t testing.TB, dir string) {
	t.Helper()
	moved := Writer{dir: dir}
	content, err := os.ReadFile(moved.file())
	if err != nil {
		t.Fatal(err)
	}
	last := w.Written()
	for n := max(1, last-records+2); n <= last; n++ { // the oldest one's place may hold the one that failed
		at := place(n)
		if int64(len(content)) < at+recordSize || !bytes.Equal(content[at:at+recordSize], w.record(n)) {
			t.Fatalf("record %d of %d in %s is not what was written", n, last, dir)
		}
	}
}
