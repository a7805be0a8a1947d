package sysfs

import (
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestParseDevNum(t *testing.T) {
	tests := []struct {
		text string
		want DevNum
		ok   bool
	}{
		{"8:128", DevNum{8, 128}, true},
		{"253:12", DevNum{253, 12}, true},
		{"0:0", DevNum{}, true},
		{"259:1048575", DevNum{259, 1048575}, true},
		{"4294967295:4294967295", DevNum{1<<32 - 1, 1<<32 - 1}, true},
		{text: ""}, {text: "8"}, {text: "8:"}, {text: ":8"}, {text: "8:1:2"}, {text: "#:#"},
		{text: "08:1"}, {text: "+8:1"}, {text: "-8:1"}, {text: "8: 1"}, {text: "8:1\n"},
		{text: "4294967296:0"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := ParseDevNum(tt.text)
			require.Equal(t, tt.ok, err == nil, "%v", err)
			if err != nil {
				require.ErrorIs(t, err, fs.ErrInvalid)
				var pe *ParseError
				require.True(t, errors.As(err, &pe))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDevNumOf(t *testing.T) {
	tests := []struct {
		rdev uint64
		want DevNum
	}{
		{0, DevNum{}},
		{0x0880, DevNum{8, 128}},
		{0xfd0c, DevNum{253, 12}},
		{0x1_0301, DevNum{0x103, 0x01}},
		{0x0000_0000_1000_0800, DevNum{8, 0x10000}},
		{0x0000_1000_0000_0000, DevNum{0x1000, 0}},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, devNumOf(tt.rdev)); diff != "" {
			t.Errorf("%#x: -want +got:\n%s", tt.rdev, diff)
		}
	}
}

func TestDevNumText(t *testing.T) {
	text, err := json.Marshal(map[string]DevNum{"d": {8, 128}})
	require.NoError(t, err)
	if diff := cmp.Diff(`{"d":"8:128"}`, string(text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got := DevNum{1, 2}
	require.Error(t, got.UnmarshalText([]byte("x")))
	require.Equal(t, DevNum{1, 2}, got, "a text that is no number changes nothing")
	require.NoError(t, got.UnmarshalText([]byte("8:128")))
	require.Equal(t, DevNum{8, 128}, got)
	require.True(t, DevNum{}.IsZero())
	require.False(t, got.IsZero())
}

func FuzzParseDevNum(f *testing.F) {
	for _, s := range []string{"8:128", "0:0", "", ":", "08:1", "8:4294967296"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDevNum(s)
		if err != nil {
			require.Zero(t, d)
			return
		}
		require.Equal(t, s, d.String())
	})
}
