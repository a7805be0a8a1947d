package multipath

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFrame(t *testing.T) {
	_, err := frame(strings.Repeat("x", 512))
	require.Error(t, err)
	b, err := frame("show daemon")
	require.NoError(t, err)
	got, err := readFrame(strings.NewReader(string(b)))
	require.NoError(t, err)
	require.Equal(t, "show daemon", got)

	long := make([]byte, wordSize)
	putSize(long, longestTell)
	for name, tt := range map[string]struct {
		in   string
		want error
	}{
		"nothing":     {"", io.EOF},
		"half a head": {string(b[:3]), io.ErrUnexpectedEOF},
		"half a text": {string(b[:len(b)-4]), io.ErrUnexpectedEOF},
		"length 0":    {string(make([]byte, wordSize)), ErrReply},
		"too long":    {string(long), ErrReply},
		"no NUL":      {string(b[:len(b)-1]) + "x", ErrReply},
	} {
		_, err := readFrame(strings.NewReader(tt.in))
		require.ErrorIs(t, err, tt.want, name)
	}
}

func FuzzReply(f *testing.F) {
	for _, s := range []string{"ok\n", "fail\n", "fail\ntimeout\n", "timeout\n", "permission deny: need to be root", "multipath-tools v0.9.4\nCLI commands reference:\n", "", "sdi\t1:0:0:1\tmpatha\t3600\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if verdict(s) == nil && trouble(s) != nil {
			t.Fatal("an error of the daemon's taken for a success")
		}
		if paths, err := parsePaths(s); err != nil && paths != nil {
			t.Fatal("paths beside an error")
		}
		if body, err := readFrame(strings.NewReader(s)); err != nil && body != "" {
			t.Fatal("a text beside an error")
		}
	})
}
