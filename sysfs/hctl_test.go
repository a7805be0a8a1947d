package sysfs

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestParseHCTL(t *testing.T) {
	tests := []struct {
		text string
		want HCTL
		ok   bool
	}{
		{"39:0:0:1", HCTL{39, 0, 0, 1}, true},
		{"0:0:0:0", HCTL{}, true},
		{"1:0:3:4611686018427388160", HCTL{1, 0, 3, 4611686018427388160}, true},
		{"1:0:3:18446744073709551615", HCTL{1, 0, 3, 1<<64 - 1}, true},
		{text: ""}, {text: "host0"}, {text: "target0:0:0"}, {text: "0:0:0"}, {text: "0:0:0:0:0"},
		{text: "#:#:#:#"}, {text: "0:0:0:-1"}, {text: "0:0:00:1"}, {text: "2147483648:0:0:0"},
		{text: "1:0:0:18446744073709551616"}, {text: " 1:0:0:1"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := ParseHCTL(tt.text)
			require.Equal(t, tt.ok, err == nil, "%v", err)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestHCTL(t *testing.T) {
	a := HCTL{1, 0, 0, 2}
	require.True(t, a.SameTarget(HCTL{1, 0, 0, 9}))
	require.False(t, a.SameTarget(HCTL{2, 0, 0, 2}))
	require.False(t, a.SameTarget(HCTL{1, 1, 0, 2}))
	require.False(t, a.SameTarget(HCTL{1, 0, 1, 2}))

	list := []HCTL{{10, 0, 0, 0}, {2, 0, 0, 10}, {2, 0, 0, 9}}
	slices.SortFunc(list, HCTL.Compare)
	if diff := cmp.Diff([]HCTL{{2, 0, 0, 9}, {2, 0, 0, 10}, {10, 0, 0, 0}}, list); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	text, err := a.MarshalText()
	require.NoError(t, err)
	var back HCTL
	require.NoError(t, back.UnmarshalText(text))
	require.Equal(t, a, back)
	require.Error(t, back.UnmarshalText([]byte("no")))
	require.Equal(t, a, back)
}

func FuzzParseHCTL(f *testing.F) {
	for _, s := range []string{"39:0:0:1", "0:0:0:18446744073709551615", "", "::::", "host0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := ParseHCTL(s)
		if err != nil {
			require.Zero(t, h)
			return
		}
		require.Equal(t, s, h.String())
	})
}
