package sysfs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// As captured from a udev worker whose read of a queueing map does not come back.
const workerStat = "1112 ((udev-worker)) D 755 755 755 0 -1 4194624 194 580 0 0 3 1 12 0 20 0 1 0 1215 24645632 901 18446744073709551615 " +
	"93458488463360 93458489221637 140187727912368 0 0 0 81923 0 0 1 0 0 17 0 0 0 0 0 0 93458489539968 93458489715616\n"

func TestParseProcStat(t *testing.T) {
	const rest = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20"
	tests := []struct {
		name, text string
		want       procStat
		bad        bool
	}{
		{name: "worker", text: workerStat, want: procStat{"(udev-worker)", 'D', 1215}},
		{name: "hostile name", text: "7 (a) R 1 (b)) S" + rest, want: procStat{"a) R 1 (b)", 'S', 4242}},
		{name: "newline in the name", text: "7 (a\nb) Z" + rest, want: procStat{"a\nb", 'Z', 4242}},
		{name: "no name", text: "7 () I" + rest, want: procStat{"", 'I', 4242}},
		{name: "empty", text: "", bad: true},
		{name: "no brackets", text: "7 a S" + rest, bad: true},
		{name: "wrong order", text: "7 )a( S" + rest, bad: true},
		{name: "cut off", text: "7 (a) S 1 2 3", bad: true},
		{name: "no number", text: "7 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x 20", bad: true},
		{name: "no state", text: "7 (a) SS" + rest, bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseProcStat([]byte(tt.text))
			require.Equal(t, tt.bad, err != nil, "%v", err)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(procStat{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParseFDInfo(t *testing.T) {
	tests := []struct {
		text string
		want fdInfo
		bad  bool
	}{
		{text: "pos:\t0\nflags:\t0140000\nmnt_id:\t30\nino:\t675\n", want: fdInfo{0o140000, 30, "0"}},
		{text: "pos:\t8323072\nflags:\t02104002\nmnt_id:\t30\nino:\t675\nlock:\t1: FLOCK  ADVISORY  READ 1 00:07:675 0 EOF\n",
			want: fdInfo{0o2104002, 30, "8323072"}},
		{text: "pos:\t0\nflags:\t0100000\n", want: fdInfo{0o100000, 0, "0"}},
		{text: "", bad: true},
		{text: "pos:\t0\nmnt_id:\t30\n", bad: true},
		{text: "flags:\t09\n", bad: true},
		{text: "flags:\t01\nmnt_id:\tx\n", bad: true},
	}
	for _, tt := range tests {
		got, err := parseFDInfo([]byte(tt.text))
		require.Equal(t, tt.bad, err != nil, "%q: %v", tt.text, err)
		if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(fdInfo{})); diff != "" {
			t.Errorf("%q: -want +got:\n%s", tt.text, diff)
		}
	}
}

func TestParseBootTime(t *testing.T) {
	got, err := parseBootTime([]byte("cpu  1 2\nbtime 1795330400\nprocesses 7\n"))
	require.NoError(t, err)
	require.EqualValues(t, 1795330400, got)
	for _, text := range []string{"", "btime\n", "btime x\n", "xbtime 1\n"} {
		_, err := parseBootTime([]byte(text))
		require.Error(t, err, text)
	}
}

func FuzzParseProcStat(f *testing.F) {
	f.Add([]byte(workerStat))
	f.Add([]byte("7 )("))
	f.Add([]byte("7 (a)"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseProcStat(text)
		if err != nil {
			require.Zero(t, got)
		}
		again, _ := parseProcStat(text)
		require.Equal(t, got, again)
	})
}

func FuzzParseFDInfo(f *testing.F) {
	f.Add([]byte("pos:\t0\nflags:\t0140000\nmnt_id:\t30\nino:\t675\n"))
	f.Add([]byte("flags:"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseFDInfo(text)
		if err != nil {
			require.Zero(t, got)
		}
	})
}

func FuzzParseNamespace(f *testing.F) {
	f.Add("mnt:[4026531841]")
	f.Add("mnt:[]")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseNamespace(s)
		require.Equal(t, err == nil, n != 0 || s == "mnt:[0]")
	})
}
