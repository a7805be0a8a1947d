package multipath

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A path gives back the words that it was made of, however long they are.
func TestPathWords(t *testing.T) {
	for _, size := range []int{0, 1, 40, 42, 43, 85, 255, 256, 70000} {
		long := strings.Repeat("x", size)
		for _, w := range []PathWords{
			{},
			{HCTL: "39:0:0:1", Dev: "sdi", Devt: "8:128", DMState: "failed", CheckState: "i/o pending", DevState: "running"},
			{HCTL: long, Dev: "sdi", DevState: long},
			{Devt: long}, {HCTL: "a\x00b", DMState: long, CheckState: "\xff"},
		} {
			p := NewPath(w)
			require.Equal(t, w, p.Words())
			require.True(t, p.Equal(NewPath(w)))
			require.False(t, p.Equal(NewPath(PathWords{Dev: "other"})))
			require.Equal(t, w.HCTL, p.HCTL())
			require.Equal(t, w.Devt, p.Devt())
		}
	}
	require.Zero(t, Path{}.Words())
	require.Equal(t, "0:0:0:1 sda 8:0 active ready running", NewPath(PathWords{"0:0:0:1", "sda", "8:0", "active", "ready", "running"}).String())
}

func TestPathJSON(t *testing.T) {
	p := NewPath(PathWords{HCTL: "39:0:0:1", Dev: "sdi", Devt: "8:128", DMState: "failed", CheckState: "faulty"})
	b, err := json.Marshal([]Path{p})
	require.NoError(t, err)
	require.Equal(t, `[{"hctl":"39:0:0:1","dev":"sdi","devt":"8:128","dm_state":"failed","check_state":"faulty"}]`, string(b))
	var again []Path
	require.NoError(t, json.Unmarshal(b, &again))
	require.True(t, p.Equal(again[0]))
	require.Error(t, json.Unmarshal([]byte(`[{"dev":1}]`), &again))
}

// Paths that were packed together do not share their words.
func TestPacker(t *testing.T) {
	var k packer
	var want []PathWords
	var got []Path
	for n := range 2000 {
		w := PathWords{Dev: strings.Repeat("d", n%300), Devt: strings.Repeat("8", n%7), DevState: "running"}
		want, got = append(want, w), append(got, k.path(&w))
	}
	for n := range want {
		require.Equal(t, want[n], got[n].Words())
	}
}

// A topology has nothing of the bytes that it was read from: their owner may
// use them for something else.
func TestParseKeepsNothing(t *testing.T) {
	each(t, 20, 4, func(t *testing.T, s *source, maps []Map, text string) {
		b := []byte(text)
		got, err := Read(b)
		require.NoError(t, err)
		for i := range b {
			b[i] = '!'
		}
		require.Empty(t, equal(maps, got.Maps))
	})
}
