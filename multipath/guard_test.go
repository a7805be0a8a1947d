package multipath

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNeverSent(t *testing.T) {
	for _, order := range []string{
		"", "reconfigure", "reconfigure all", "del maps", "del multipaths", "flush maps", "del map", "del map a b",
		"del path", "add path sdb", "add map mpatha", "fail path sdb", "reinstate path sdb", "resize map mpatha",
		"reset map mpatha", "reload map mpatha", "suspend map mpatha", "resume map mpatha", "shutdown", "quit",
		"disablequeueing maps", "restorequeueing maps", "forcequeueing daemon", "restorequeueing daemon",
		"switchgroup map mpatha group 1", "setprstatus map mpatha", "remove map mpatha", "DEL map mpatha",
		"show config", "show topology ; del maps", "multipath -v2 -f mpatha",
	} {
		err := guard(strings.Fields(order))
		if !errors.Is(err, ErrForbidden) {
			t.Errorf("%q: %v", order, err)
		}
	}
	for _, argv := range []string{
		"multipath -F", "multipath -W", "multipath -r", "multipath -v2 -F", "multipath -v2 -W", "multipath -v2 -r",
		"multipath -v2 -r mpatha", "multipath -v2 -w mpatha", "multipath -v2 -a mpatha", "multipath", "multipath -v2",
		"multipath -v2 -f", "multipath -v2 -f mpatha -F", "multipath -v2 -f -F", "multipath -f mpatha", "multipath -v2 -ll -F",
		"multipathd reconfigure", "multipathd del maps", "dmsetup remove --force mpatha", "dmsetup remove mpatha",
		"sh -c id", "kill -9 1", "umount /mnt", "rescan-scsi-bus.sh -r",
	} {
		err := guardProgram(strings.Fields(argv))
		var name *NameError
		if !errors.Is(err, ErrForbidden) && !errors.As(err, &name) {
			t.Errorf("%q: %v", argv, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{
		"", "-F", "-", "--help", `a"b`, "a'b", "a`b", "a/b", "/dev/dm-3", `a\b`, "a\nb", "a\x00b", "a\tb", "a\x7fb", " a", "a ",
		"dm-12", "dm-0", "254:12", "8:0x", "é", "a\xffb", strings.Repeat("x", 128),
	} {
		err := checkName(name)
		var bad *NameError
		if !errors.As(err, &bad) || !errors.Is(err, fs.ErrInvalid) || bad.Name != name {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"mpatha", "3600140512ab", "my map", "a.b-c", "x#y!", "1IET     00010001", "dm-data", "dm-", "iqn.2001:x", "{a}", "a;b|c$d"} {
		require.NoError(t, checkName(name), name)
	}
	for dev, ok := range map[string]bool{"sdi": true, "cciss!c0d0": true, "dasda": true, "nvme0n1": true, "sd i": false, "-sdi": false, "sd#i": false, "../sdi": false, "": false} {
		require.Equal(t, ok, checkDev(dev) == nil, dev)
	}
}

// In the daemon's grammar an unquoted '#' or '!' ends the command, so that
// "del map a#b" would delete map a.
func TestSentence(t *testing.T) {
	for want, order := range map[string][]string{
		`del map mpatha`:   {"del", "map", "mpatha"},
		`del map "a#b"`:    {"del", "map", "a#b"},
		`del map "a!b"`:    {"del", "map", "a!b"},
		`del map "my map"`: {"del", "map", "my map"},
		`del map "{a}"`:    {"del", "map", "{a}"},
		"show paths raw format \"%d\t%i\t%m\t%w\"": showPaths(),
	} {
		require.NoError(t, guard(order))
		require.Equal(t, want, sentence(order))
	}
	require.Equal(t, []string{"multipathd", "del", "map", "a.b-c"}, daemonArgv([]string{"del", "map", "a.b-c"}))
	require.Equal(t, []string{"multipathd", `-kdel map "my map"`}, daemonArgv([]string{"del", "map", "my map"}))
}

// Whatever a client is told, and whatever the answers are, nothing that is not
// in the lists goes out.
func TestEverythingPassesTheGuard(t *testing.T) {
	names := []string{"mpatha", "my map", "-F", "maps", "a\" maps \"", "x;reconfigure", "", "dm-3", "a#b"}
	for _, reply := range []string{"ok", "fail", "timeout", "", "rubbish", "fail\ntimeout"} {
		var sent [][]string
		run := func(_ context.Context, argv ...string) (RunResult, error) {
			sent = append(sent, slices.Clone(argv))
			return RunResult{Stdout: []byte(reply)}, nil
		}
		d := newFakeDaemon(t)
		d.reply = func(string) string { return reply }
		for _, c := range []client{NewCommand(run), NewCommand(run, WithSource(Checkers)), d.client()} {
			_, _ = c.Topology(t.Context())
			_, _ = c.Paths(t.Context())
			for _, name := range names {
				_ = c.DisableQueueing(t.Context(), name)
				_ = c.RestoreQueueing(t.Context(), name)
				_ = c.Flush(t.Context(), name)
				_ = c.ForgetPath(t.Context(), name)
			}
		}
		require.NotEmpty(t, sent)
		for _, argv := range sent {
			if argv[0] == "multipathd" {
				require.True(t, allowedSentence(strings.TrimPrefix(strings.Join(argv[1:], " "), "-k")), "%q", argv)
				continue
			}
			require.NoError(t, guardProgram(argv))
		}
		require.NotEmpty(t, d.said())
		for _, s := range d.said() {
			require.True(t, allowedSentence(s), "%q", s)
		}
	}
}

// allowedSentence is the list once more, written by another hand.
func allowedSentence(s string) bool {
	for _, whole := range []string{"show daemon", "show topology", "show maps raw format %n", "show paths raw format \"%d\t%i\t%m\t%w\""} {
		if s == whole {
			return true
		}
	}
	for _, order := range []string{"disablequeueing map ", "restorequeueing map ", "del map ", "del path "} {
		if arg, ok := strings.CutPrefix(s, order); ok {
			quoted := strings.HasPrefix(arg, `"`) && strings.HasSuffix(arg, `"`) && strings.Count(arg, `"`) == 2
			return quoted || !strings.ContainsAny(arg, ` "#!{}`) && arg != "" && arg[0] != '-'
		}
	}
	return false
}

// multipathd up to 0.8.x reads any name that begins like "dm-12" as that of whichever map
// has the number 12 (sscanf(str, "dm-%d")), and later ones still what scanf takes for a number.
func TestNamesThatBeginWithANumber(t *testing.T) {
	for _, name := range []string{"dm-12data", "dm-1-oracle", "dm-+12", "dm- 12", "dm--1"} {
		if checkName(name) == nil {
			t.Errorf("%q is passed on", name)
		}
	}
}
