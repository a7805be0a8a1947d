//go:build linux

package guest

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"testing"
)

// Fill fills the LU from the array's side with bytes that only this seed makes.
func (b Backstore) Fill(t testing.TB, seed uint64) {
	t.Helper()
	content := make([]byte, b.MiB<<20)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 'f', 'i', 'l', 'l'}).Read(content)
	b.overwrite(t, content)
}

// overwrite keeps the file, which the array has open.
func (b Backstore) overwrite(t testing.TB, content []byte) {
	t.Helper()
	f, err := os.OpenFile(b.File(), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(content, 0)
	if err = errorsFirst(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// Format makes an ext4 file system in the LU, from the array's side.
func (b Backstore) Format(t testing.TB) {
	t.Helper()
	Run(t, "mkfs.ext4", "-q", "-F", b.File())
}

// Sum is the sum of what the LU holds, read on the array's side, where no host
// and no path can deceive.
func (b Backstore) Sum(t testing.TB) [sha256.Size]byte {
	t.Helper()
	f, err := os.Open(b.File())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Rescue is what a file of the LU's ext4 holds, read on the array's side from a
// copy whose journal has been replayed.
func (b Backstore) Rescue(t testing.TB, file string) []byte {
	t.Helper()
	image := b.File() + ".copy"
	defer os.Remove(image)
	Run(t, "cp", "--sparse=never", b.File(), image)
	if r, err := runFor(patience, "e2fsck", "-p", "-f", image); err != nil || r.Code > 1 {
		t.Fatalf("e2fsck of %s: exit status %d, %v\n%s%s", b.Name, r.Code, err, r.Stdout, r.Stderr)
	}
	r, err := runFor(patience, "debugfs", "-R", "cat /"+file, image)
	if err != nil || r.Code != 0 {
		t.Fatalf("debugfs of %s: exit status %d, %v\n%s", b.Name, r.Code, err, r.Stderr)
	}
	return []byte(r.Stdout)
}

// Holds reads a device from the host's side, past the page cache, and says
// whether it holds what the LU holds on the array's side.
func (b Backstore) Holds(t testing.TB, device string) bool {
	t.Helper()
	return sumOf(t, device) == b.Sum(t)
}
