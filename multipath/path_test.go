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
		for _, w := range []pathWords{
			{},
			{HCTL: "39:0:0:1", Dev: "sdi", Devt: "8:128", DMState: "failed", CheckState: "i/o pending", DevState: "running"},
			{HCTL: long, Dev: "sdi", DevState: long},
			{Devt: long}, {HCTL: "a\x00b", DMState: long, CheckState: "\xff"},
		} {
			p := newPath(w)
			require.Equal(t, w, p.words())
			require.True(t, p.Equal(newPath(w)))
			require.False(t, p.Equal(newPath(pathWords{Dev: "other"})))
			require.Equal(t, w.HCTL, p.HCTL())
			require.Equal(t, w.Devt, p.Devt())
		}
	}
	require.Zero(t, Path{}.words())
	require.Equal(t, "0:0:0:1 sda 8:0 active ready running", newPath(pathWords{"0:0:0:1", "sda", "8:0", "active", "ready", "running"}).String())
}

func TestPathJSON(t *testing.T) {
	p := newPath(pathWords{HCTL: "39:0:0:1", Dev: "sdi", Devt: "8:128", DMState: "failed", CheckState: "faulty"})
	b, err := json.Marshal([]Path{p})
	require.NoError(t, err)
	require.Equal(t, `[{"hctl":"39:0:0:1","dev":"sdi","devt":"8:128","dm_state":"failed","check_state":"faulty"}]`, string(b))
	var again []Path
	require.NoError(t, json.Unmarshal(b, &again))
	require.True(t, p.Equal(again[0]))
	require.Error(t, json.Unmarshal([]byte(`[{"dev":1}]`), &again))
}

// Paths that are kept together do not share their words.
func TestGroupPaths(t *testing.T) {
	want := groupWords{Paths: []pathWords{}}
	for n := range 2000 {
		want.Paths = append(want.Paths, pathWords{Dev: strings.Repeat("d", n%300), Devt: strings.Repeat("8", n%7), DevState: "running"})
	}
	got := newGroup(want)
	require.Equal(t, want, got.words())
	require.Equal(t, 2000, got.Len())
	require.True(t, got.Equal(newGroup(want)))
	want.Paths[1999].Dev = "other"
	require.False(t, got.Equal(newGroup(want)))
}

// Rows whose words are far apart, or are not in the text as they are given.
func TestOddRows(t *testing.T) {
	const start = "mpatha (36001) dm-0 LIO-ORG,TCMU device\nsize=10G features='0' hwhandler='0' wp=rw\n`-+- policy='service-time 0' prio=50 status=active\n"
	far := strings.Repeat(" ", 300)
	got, err := parseString(start + "  |- 0:0:0:1 sda" + far + "8:0 active ready running\n  |- 1:0:0:1 sdb 8:16 failed i/o  pending running\n" +
		"  |- 2:0:0:1 8:32 active ready" + far + "running\n  `- 3:0:0:1 sdd 8:48 active ready running\n")
	require.NoError(t, err)
	require.Equal(t, []pathWords{
		{"0:0:0:1", "sda", "8:0", "active", "ready", "running"}, {"1:0:0:1", "sdb", "8:16", "failed", "i/o pending", "running"},
		{"2:0:0:1", "", "8:32", "active", "ready", "running"}, {"3:0:0:1", "sdd", "8:48", "active", "ready", "running"},
	}, got.Maps[0].Groups[0].words().Paths)
}

func TestGroupJSON(t *testing.T) {
	b, err := json.Marshal([]Group{newGroup(groupWords{Policy: "service-time 0", Prio: new(int), Paths: []pathWords{{Dev: "sda"}}}), {}})
	require.NoError(t, err)
	require.Equal(t, `[{"policy":"service-time 0","prio":0,"paths":[{"dev":"sda"}]},{"paths":[]}]`, string(b))
	var again []Group
	require.NoError(t, json.Unmarshal(b, &again))
	require.Equal(t, "sda", again[0].Path(0).Dev())
	require.True(t, again[1].Equal(Group{}))
	require.Error(t, json.Unmarshal([]byte(`[{"policy":1}]`), &again))
}

// A topology has nothing of the bytes that it was read from: their owner may
// use them for something else.
func TestParseKeepsNothing(t *testing.T) {
	each(t, 20, 4, func(t *testing.T, s *source, maps []Map, text string) {
		b := []byte(text)
		got, err := ParseAny(b)
		require.NoError(t, err)
		for i := range b {
			b[i] = '!'
		}
		require.Empty(t, equal(maps, got.Maps))
	})
}
