package parity

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// Every scenario of the table is played in the lab, once.
func TestTheLabPlaysAll(t *testing.T) {
	text, err := os.ReadFile("../scenario/parity_test.go")
	require.NoError(t, err)
	var want, got []string
	for _, s := range Scenarios() {
		want = append(want, s.Name)
	}
	for _, m := range regexp.MustCompile(`(?m)^func TestParity\w+\(t \*testing\.T\) +{ play\(t, "(.*)"\) }$`).FindAllSubmatch(text, -1) {
		got = append(got, string(m[1]))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-in the table +in the lab:\n%s", diff)
	}
}

// Every act says what becomes of each volume.
func TestEveryActNamesEveryVolume(t *testing.T) {
	for _, s := range Scenarios() {
		for i, a := range s.Acts {
			require.Len(t, a.Want, len(s.Volumes), "%s, act %d", s.Name, i+1)
			for _, v := range s.Volumes {
				require.Contains(t, a.Want, v.Name, "%s, act %d", s.Name, i+1)
			}
		}
	}
}
