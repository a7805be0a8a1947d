package multipath

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

const residual = "mpathb (360014055e7) dm-12 LIO-ORG,disk\n" +
	"size=10G features='1 queue_if_no_path' hwhandler='0' wp=rw\n" +
	"|-+- policy='service-time 0' prio=0 status=enabled\n" +
	"| `- 39:0:0:1 sdi 8:128 failed faulty running\n" +
	"`-+- policy='service-time 0' prio=0 status=enabled\n" +
	"  `- 40:0:0:1 sdj 8:144 failed faulty running\n"

// bracket is what follows a header in the bracket form.
const bracket = "[size=10G][features=0][hwhandler=0]\n" +
	"\\_ round-robin 0 [prio=0][enabled]\n" +
	" \\_ 39:0:0:1 sdi 8:128 [failed][faulty]\n"

// withoutPaths is a map without paths, of which parts are replaced, before
// another.
func withoutPaths(oldnew ...string) string {
	const text = "mpatha (3600a) dm-1 ##,##\nsize=10G features='0' hwhandler='0' wp=rw\n"
	return strings.NewReplacer(oldnew...).Replace(text) + residual
}

func TestReadLoss(t *testing.T) {
	tests := []struct {
		name, text string
		want       error // nil: refused for another reason
	}{
		{"timeout", "timeout\n", ErrBusy},
		{"timeout of the command line", "timeout receiving packet\n", ErrBusy},
		{"error of the command line", "error -32 receiving packet\n", ErrRefused},
		{"fail", "fail\n", ErrRefused},
		{"fail with reason", "fail\ntimeout\n", ErrBusy},
		{"permission", "permission deny: need to be root", fs.ErrPermission},
		{"permission since 0.9.8", "fail\npermission deny: need to be root\n", ErrPermission},
		{"help", "multipath-tools v0.8.4 (05/04, 2020)\nCLI commands reference:\n list|show paths\n", ErrUnsupported},
		{"no program", "bash: multipath: command not found\n", fs.ErrNotExist},
		{"reply at a prompt", "multipathd> timeout\nmultipathd> \n", ErrBusy},
		{"reply behind maps", residual + "timeout\n", ErrBusy},
		{"messages", "Mar 15 03:11:33 | a\n4735.224337 | b\n", ErrNoTopology},
		{"prompt", "multipathd> \n", ErrNoTopology},
		{"dead", "4735.224337 | b\nBus error\n", ErrNoTopology},
		{"dead behind maps", residual + "Bus error (core dumped)\n", ErrTruncated},
		{"header alone", "mpathb (360014055e7) dm-12 LIO-ORG,disk\n", ErrTruncated},
		{"properties alone", residual + "mpathc (360014055e8) dm-13 LIO-ORG,disk\nsize=10G features='0' hwhandler='0' wp=rw\n", ErrTruncated},
		{"rows alone", "| `- 39:0:0:1 sdi 8:128 failed faulty running\n", ErrTruncated},
		{"no newline", residual + "mpat", ErrTruncated},
		{"ok at the end of maps", residual + "ok", ErrTruncated},
		{"last row is no last row", residual[:strings.Index(residual, "`-+-")], ErrTruncated},
		{"header garbled", residual + "mpathc (3600140\n" + residual[strings.Index(residual, "size"):], nil},
		{"header and properties garbled", residual + "mpathc (3600140\nsize=\n" + residual[strings.Index(residual, "|-+-"):], nil},
		{"header and properties lost", residual + residual[strings.Index(residual, "|-+-"):], nil},
		{"header that runs into the next", "mpatha (3600a) dm-8 IBM,214" + residual, nil},
		{"header without alias that runs into the next", "3600a dm-8 IBM,214" + residual[len("mpathb "):], nil},
		{"row that runs into a header", residual[:len(residual)-20] + residual, nil},
		{"head of a header lost", strings.TrimPrefix(residual, "mpathb (3600"), nil},
		{"alias lost", strings.TrimPrefix(residual, "mpathb "), nil},
		{"alias lost behind a prompt", "multipathd> " + strings.TrimPrefix(residual, "mpathb "), nil},
		{"message in a header", strings.Replace(residual, "055e7", "055Aug 14 09:33:02 | sdi: timeout\ne7", 1), nil},
		{"message in a WWID", "360014055Aug 14 09:33:02 | sdi: timeout\n" + residual[len("mpathb (360014055"):], nil},
		{"messages in header and properties", withoutPaths("dm-1", "dm-1sdi: timeout\n", "='0'", "=sdj: timeout\n'0'"), nil},
		{"properties torn, no paths", withoutPaths("dm-1", "sdi: timeout\ndm-1", "wp=", "4735.224337 | b\nwp="), nil},
		{"bracket properties torn", "mpathb (360014055e7)\n[size=10G][features=0][hwhandl" + residual, nil},
		{"bracket properties cut", "mpathb (360014055e7)\n[size=10G][features=0]", ErrTruncated},
		{"bare header alone", "mpatha (360014055e70)\nmpathb (360014055e71)\n" + bracket, nil},
		{"prompt behind paths that go on", strings.Replace(residual, "  `- 40", "  |- 40", 1) + "multipathd> \n", ErrTruncated},
		{"prompt behind groups that go on", residual[:strings.Index(residual, "`-+-")] + "multipathd> \n", ErrTruncated},
		{"group lost", strings.Replace(residual, "`-+- policy='service-time 0' prio=0 status=enabled\n", "", 1), nil},
		{"JSON, cut", `{"maps":[{"name":"a"`, ErrTruncated},
		{"JSON, cut in a string", `{"maps":[{"name":"a`, ErrTruncated},
		{"JSON without maps", `{"major_version":0}`, ErrNoTopology},
		{"JSON of a nameless map", `{"maps":[{"path_groups":[]}]}`, nil},
		{"JSON of a map without groups", `{"maps":[{"name":"a","uuid":"b"}]}`, nil},
		{"JSON null", `{"maps":null}`, nil},
		{"JSON twice", `{"maps":[]}{"maps":[]}`, nil},
		{"JSON and a reply", "{\"maps\":[]}\ntimeout\n", nil},
		{"JSON with two identities", `{"maps":[{"name":"a","uuid":"b","uuid":"c","path_groups":[]}]}`, nil},
		{"JSON with a quote, from another program", `{"maps":[{"name":"a","uuid":"b","vend":"A"CME","path_groups":[]}]}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseAny([]byte(tt.text))
			require.Error(t, err)
			require.Nil(t, got)
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Fatalf("want %v, got %v", tt.want, err)
			}
			var parse *ParseError
			var reply *ReplyError
			require.True(t, errors.As(err, &parse) != errors.As(err, &reply), "%T", errors.Unwrap(err))
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestReadNoMaps(t *testing.T) {
	for _, text := range []string{"", "\n", "ok\n", "ok", "Mar 15 03:11:33 | a\nok\n", "multipathd> show topology\nok\n", "{\"maps\":[]}", "{\n   \"maps\": []\n}\nmultipathd> \n"} {
		got, err := ParseAny([]byte(text))
		require.NoError(t, err, "%q", text)
		require.Empty(t, got.Maps, "%q", text)
	}
}

func TestParseErrorLogsOnly(t *testing.T) {
	for text, want := range map[string]bool{"Mar 15 03:11:33 | a\n": true, "Mar 15 03:11:33 | a\nb\n": false} {
		_, err := ParseAny([]byte(text))
		var parse *ParseError
		require.ErrorAs(t, err, &parse)
		if parse.LogsOnly != want {
			t.Errorf("%q: want %t", text, want)
		}
	}
}

func TestParseJSONAlone(t *testing.T) {
	for _, text := range []string{"multipathd> {\"maps\":[]}", "{\"maps\":[]}\nmultipathd> ", "", "ok", "timeout", "[]"} {
		got, err := ParseJSON([]byte(text))
		require.Error(t, err, "%q", text)
		require.Nil(t, got)
	}
}

func TestParseJSONUnescaped(t *testing.T) {
	text := "{\n   \"major_version\": 0,\n   \"minor_version\": 1,\n   \"map\": {\n      \"name\" : \"a\",\n      \"uuid\" : \"36\",\n" +
		"      \"vend\" : \"A\"CME\\\",\n      \"prod\" : \"\",\"uuid\":\"37\",\n      \"new\" : {\"x\":[1,null,\"}\"]},\n      \"vend\" : \"B\",\n      \"paths\" : 3,\n      \"path_groups\": []\n   }\n}\n"
	got, err := ParseJSON([]byte(text))
	require.NoError(t, err)
	three := 3
	want := newMap(mapWords{Name: "a", WWID: "36", Vendor: "B", Product: `","uuid":"37`, Groups: []Group{}})
	want.Live = &MapState{Active: &three}
	if diff := cmp.Diff([]Map{want}, got.Maps); diff != "" {
		t.Errorf("unexpected maps (-want +got):\n%s", diff)
	}
}

// TestParseJSONUnescapedName: what comes first in an object is printed as it is,
// too, and a text that is cut anywhere says so.
func TestParseJSONUnescapedName(t *testing.T) {
	for _, name := range []string{`a"b`, `a\`, `a\u0041`, `a\"`, `a",`, `a","uuid":"37`, `"},{"name":"b`} {
		text := "{\n   \"major_version\": 0,\n   \"minor_version\": 1,\n   \"maps\": [{\n      \"name\" : \"" + name + "\",\n      \"uuid\" : \"36\",\n" +
			"      \"path_groups\": [{\n         \"selector\" : \"service-time 0\",\n         \"paths\": [{\n            \"dev\" : \"sdi\",\n            \"chk_st\" : \"ready\"         }]\n      }]\n   }]\n}\n"
		got, err := ParseJSON([]byte(text))
		require.NoError(t, err, "%s", text)
		require.Equal(t, name, got.Maps[0].Name)
		require.Equal(t, "36", got.Maps[0].WWID)
		require.Equal(t, "sdi", got.Maps[0].Groups[0].Path(0).Dev())
		for n := range strings.LastIndexByte(text, '}') {
			if _, err := ParseJSON([]byte(text[:n])); !errors.Is(err, ErrTruncated) {
				t.Fatalf("want %v, got %v: %s", ErrTruncated, err, text[:n])
			}
		}
	}
}

func TestParseJSONEscaped(t *testing.T) {
	got, err := ParseJSON([]byte(`{"maps":[{"name":"a\"\\\u00e4\ud83d\ude00","uuid":"","vend":1e3,"path_groups":[]}]}`))
	require.Error(t, err)
	require.Nil(t, got)
	got, err = ParseJSON([]byte(`{"maps":[{"name":"a\"\\\u00e4\ud83d\ude00","uuid":"","path_groups":[]}]}`))
	require.NoError(t, err)
	require.Equal(t, `a"\ä😀`, got.Maps[0].Name)
}

func TestParsePartial(t *testing.T) {
	text := strings.Replace(residual, "| `- 39:0:0:1 sdi 8:128 failed faulty running\n", "| |- 39:0:0:1 sdi 8:128 failed faulty running\n", 1)
	got, err := Parse([]byte(text))
	require.NoError(t, err)
	require.True(t, got.Maps[0].Partial)
}

// TestParseTornRow: of a row that lost its end no more is read than what is
// certain. "8:14" could be what is left of "8:144".
func TestParseTornRow(t *testing.T) {
	const rest = "4 failed faulty running\n"
	whole := pathWords{HCTL: "40:0:0:1", Dev: "sdj", Devt: "8:144"}
	for _, tt := range []struct {
		row  string
		want []pathWords
	}{
		{"8:14", []pathWords{}},
		{"8:144", []pathWords{}},
		{"8:144 f", []pathWords{whole}},
		{"8:144 failed 4735.224337 | sdi: timeout", []pathWords{whole}},
		{"8:144 failed faulsdi: timeout x", []pathWords{whole}},
	} {
		for _, behind := range []string{"", "mpathc (360014055e8) dm-13 ##,##\nsize=10G features='0' hwhandler='0' wp=rw\n"} {
			text := strings.TrimSuffix(residual, "8:14"+rest) + tt.row + "\n" + behind
			got, err := Parse([]byte(text))
			if errors.Is(err, ErrTruncated) && behind == "" && len(tt.want) == 0 {
				continue
			}
			require.NoError(t, err, "%s", text)
			require.True(t, got.Maps[0].Partial, "%s", text)
			if diff := cmp.Diff(tt.want, got.Maps[0].Groups[1].words().Paths); diff != "" {
				t.Errorf("unexpected paths (-want +got):\n%s\n%s", diff, text)
			}
		}
	}
}

// TestParseBracketTornRow: what stands in the brackets of a row is a state, or
// the row is torn.
func TestParseBracketTornRow(t *testing.T) {
	got, err := Parse([]byte("mpatha (360014055e70) dm-3 IBM,2145\n" + strings.Replace(bracket, "faulty", "faulsdi: timeout", 1)))
	require.NoError(t, err)
	require.True(t, got.Maps[0].Partial)
	require.Empty(t, got.Maps[0].Groups[0].Path(0).CheckState())
}

// TestParseAliasWithDevice: " dm-3 " in an alias is no second device.
func TestParseAliasWithDevice(t *testing.T) {
	got, err := Parse([]byte(strings.Replace(residual, "mpathb", "old dm-3 copy", 1)))
	require.NoError(t, err)
	require.Equal(t, "old dm-3 copy", got.Maps[0].Name)
	require.Equal(t, "dm-12", got.Maps[0].DM)
}

func TestTopologyUnknowns(t *testing.T) {
	for _, f := range []Form{FormNone, FormTree, FormBracket, FormJSON} {
		u := (&Topology{Form: f}).Unknowns()
		require.Contains(t, u, UnknownPaths)
		require.Contains(t, u, UnknownDevState)
		require.Equal(t, f == FormJSON, contains(u, UnknownHCTL), "%v", f)
	}
}

func contains(all []Unknown, u Unknown) bool {
	for _, each := range all {
		if each == u {
			return true
		}
	}
	return false
}
