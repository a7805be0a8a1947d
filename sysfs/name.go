package sysfs

import (
	"cmp"
	"strings"
)

// lettered are the drivers that count their disks in letters: a … z, aa, ab, …
var lettered = [...]string{"sd", "vd", "xvd", "hd", "dasd"}

// CompareNames orders kernel names as a person would: sdb before sdaa, sda2
// before sda10, dm-2 before dm-10.
func CompareNames(a, b string) int {
	whole := cmp.Compare(a, b)
	for a != "" && b != "" {
		wordA, numberA, restA := cutNumber(a)
		wordB, numberB, restB := cutNumber(b)
		if c := cmp.Or(compareWords(wordA, wordB), compareNumbers(numberA, numberB)); c != 0 {
			return c
		}
		a, b = restA, restB
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), whole)
}

const digits = "0123456789"

// cutNumber splits "nvme0n1" into "nvme", "0" and "n1".
func cutNumber(s string) (word, number, rest string) {
	i := strings.IndexAny(s, digits)
	if i < 0 {
		return s, "", ""
	}
	rest = strings.TrimLeft(s[i:], digits)
	return s[:i], s[i : len(s)-len(rest)], rest
}

func compareWords(a, b string) int {
	for _, p := range lettered {
		if strings.HasPrefix(a, p) && strings.HasPrefix(b, p) {
			return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
		}
	}
	return cmp.Compare(a, b)
}

// compareNumbers compares two runs of digits, of any length, as numbers.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
