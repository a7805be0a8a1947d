package sysfs

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompareNames(t *testing.T) {
	want := []string{
		"dm-2", "dm-10", "loop0", "loop7", "loop10", "nvme0n1", "nvme0n1p1", "nvme0n1p10", "nvme0n2", "nvme10n1",
		"sda", "sda2", "sda10", "sdb", "sdz", "sdaa", "sdaa1", "sdab", "sdaaa", "vda", "vdb", "xvda",
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, CompareNames)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func FuzzCompareNames(f *testing.F) {
	f.Add("sda", "sdaa")
	f.Add("dm-2", "dm-10")
	f.Add("a01", "a1")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := CompareNames(a, b), CompareNames(b, a)
		if x != -y || (x == 0) != (a == b) {
			t.Errorf("%q %q: %d, the other way round %d", a, b, x, y)
		}
	})
}
