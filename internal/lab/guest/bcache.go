//go:build linux

package guest

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Bcache makes a device the backing device of a bcache that has no cache yet, and
// runs it; guests have no make-bcache. It returns the name of what stands on the
// device, "bcache0", and how to stop it, as the end of the test does.
func Bcache(t testing.TB, device string) (name string, stop func()) {
	t.Helper()
	Modprobe(t, "bcache")
	f, err := os.OpenFile(dev(device), os.O_WRONLY|os.O_SYNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(backingSuperblock(), 4096)
	if err := errorsFirst(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	Udev(t)
	if err := TryWrite("/sys/fs/bcache/register", dev(device)); err != nil {
		t.Logf("it may be registered already: %v", err) // by udev
	}
	real, err := filepath.EvalSymlinks(dev(device))
	if err != nil {
		t.Fatal(err)
	}
	holders := "/sys/class/block/" + filepath.Base(real) + "/holders/bcache*"
	WaitFor(t, "a bcache on "+device, settled, func() error {
		found, _ := filepath.Glob(holders)
		if len(found) != 1 {
			return fmt.Errorf("%v", found)
		}
		name = filepath.Base(found[0])
		return nil
	})
	stop = func() {
		_ = TryWrite("/sys/block/"+name+"/bcache/stop", "1")
		WaitFor(t, name+" stops", settled, func() error {
			if found, _ := filepath.Glob(holders); len(found) > 0 {
				return fmt.Errorf("%v", found)
			}
			return nil
		})
	}
	t.Cleanup(func() { _ = TryWrite("/sys/block/"+name+"/bcache/stop", "1") })
	return name, stop
}

// backingSuperblock is struct cache_sb_disk of <linux/bcache.h> for a backing
// device: version 1, blocks of one sector, no keys.
func backingSuperblock() []byte {
	b := make([]byte, 208)
	le := binary.LittleEndian
	le.PutUint64(b[8:], 8)  // its own place, in sectors
	le.PutUint64(b[16:], 1) // BCACHE_SB_VERSION_BDEV
	copy(b[24:], "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81")
	copy(b[40:], "lunsweep's lab 1") // uuid
	le.PutUint16(b[192:], 1)         // block_size
	le.PutUint64(b, bcacheSum(b[8:]))
	return b
}

// bcacheSum is the CRC-64 of ECMA-182, the most significant bit first, which
// hash/crc64 does not have.
func bcacheSum(b []byte) uint64 {
	const polynomial = 0x42f0e1eba9ea3693
	crc := ^uint64(0)
	for _, c := range b {
		crc ^= uint64(c) << 56
		for range 8 {
			top := crc >> 63
			crc <<= 1
			if top == 1 {
				crc ^= polynomial
			}
		}
	}
	return ^crc
}
