package multipath

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/sysfs"
)

func devt(major, minor uint32) sysfs.DevNum { return sysfs.DevNum{Major: major, Minor: minor} }

func TestFill(t *testing.T) {
	tests := []struct {
		name, table, status string
		want                Table
	}{
		{
			"two groups, queueing, one path failed",
			"1 queue_if_no_path 1 alua 2 1 service-time 0 1 2 8:0 1 1 service-time 0 1 2 8:192 1 1 ",
			"2 0 0 0 2 1 A 0 1 2 8:0 A 0 0 1 E 0 1 2 8:192 F 3 0 1 ",
			Table{
				Queueing: true, Features: "1 queue_if_no_path", Handler: "1 alua",
				Groups: []TableGroup{{"active", "service-time 0"}, {"enabled", "service-time 0"}},
				Paths:  []TablePath{{Devt: devt(8, 0)}, {Devt: devt(8, 192), Group: 1, Failed: true, Fails: 3}},
			},
		},
		{
			"one group of two, many features, no handler",
			"4 queue_if_no_path pg_init_retries 50 retain_attached_hw_handler 0 1 1 round-robin 0 2 1 8:128 1 8:144 1",
			"2 1 0 0 1 1 D 0 2 0 8:128 F 1 8:144 F 1",
			Table{
				Queueing: true, Features: "4 queue_if_no_path pg_init_retries 50 retain_attached_hw_handler", Handler: "0",
				Groups: []TableGroup{{"disabled", "round-robin 0"}},
				Paths:  []TablePath{{Devt: devt(8, 128), Failed: true, Fails: 1}, {Devt: devt(8, 144), Failed: true, Fails: 1}},
			},
		},
		{
			"historical-service-time has words of its own",
			"0 0 1 1 historical-service-time 0 1 2 8:0 1 1", "2 0 0 0 1 1 E 2 1024 0 1 3 8:0 A 0 0 12 0",
			Table{
				Features: "0", Handler: "0",
				Groups: []TableGroup{{"enabled", "historical-service-time 0"}}, Paths: []TablePath{{Devt: devt(8, 0)}},
			},
		},
		{
			"all paths gone", "1 queue_if_no_path 0 0 0", "2 0 0 0 0 0",
			Table{Queueing: true, Features: "1 queue_if_no_path", Handler: "0"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got Table
			require.NoError(t, got.fill(tt.table, tt.status))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFillDamaged(t *testing.T) {
	const table, status = "0 0 1 1 service-time 0 1 2 8:0 1 1", "2 0 0 0 1 1 A 0 1 2 8:0 A 0 0 1"
	for name, tt := range map[string][2]string{
		"nothing":              {"", ""},
		"table cut off":        {table[:len(table)-2], status},
		"status cut off":       {table, status[:len(status)-2]},
		"too much":             {table + " 1", status},
		"no group state":       {table, "2 0 0 0 1 1 X 0 1 2 8:0 A 0 0 1"},
		"no path state":        {table, "2 0 0 0 1 1 A 0 1 2 8:0 X 0 0 1"},
		"no device number":     {"0 0 1 1 service-time 0 1 2 sda 1 1", status},
		"more paths than text": {"0 0 1 1 service-time 0 2000000000 0 8:0", status},
		"more words than text": {"2000000000 queue_if_no_path", status},
		"negative":             {"-1 0 1 1 service-time 0 1 2 8:0 1 1", status},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, new(Table).fill(tt[0], tt[1]), ErrReply)
		})
	}
	require.ErrorIs(t, new(Table).fill("0 0 1 1 service-time 0 1 2 8:16 1 1", status), errChanged)
	require.ErrorIs(t, new(Table).fill("0 0 0 0", status), errChanged)
}

func TestMangle(t *testing.T) {
	for printed, kernel := range map[string]string{
		"mpatha": "mpatha", "a.b-c_d:e@f#g+h=i": "a.b-c_d:e@f#g+h=i", "my map": `my\x20map`,
		"1IET     00010001": `1IET\x20\x20\x20\x20\x2000010001`, "x!y": `x\x21y`, "é": `\xc3\xa9`,
	} {
		require.Equal(t, kernel, mangle(printed))
		require.Equal(t, printed, sysfs.Unmangle(kernel))
	}
	for _, s := range []string{`\x`, `\x2`, `a\xzzb`, `\y20`, ``} {
		require.Equal(t, s, sysfs.Unmangle(s))
	}
}

func TestUUIDs(t *testing.T) {
	for uuid, want := range map[string][2]bool{
		"mpath-3600": {true, false}, "part1-mpath-3600": {false, true}, "part12-mpath-3600": {false, true},
		"mpath-": {}, "part1-mpath-": {}, "part-mpath-3600": {}, "LVM-xyz": {}, "CRYPT-mpath-1": {}, "": {}, "part1-LVM-x": {}, "xpart1-mpath-3": {},
	} {
		require.Equal(t, want, [2]bool{isMapUUID(uuid), isPartitionUUID(uuid)}, uuid)
	}
	require.Equal(t, "mpath-36-00", (&PartitionMap{UUID: "part1-mpath-36-00"}).Of())
}

func TestHumanSize(t *testing.T) {
	for bytes, want := range map[uint64]string{0: "0.0K", 512: "0.5K", 8 << 20: "8.0M", 10 << 30: "10G", 576 << 30: "576G", 3 << 40: "3.0T", 1<<40 - 1: "1024G", 5 << 60: "5120P"} {
		require.Equal(t, want, humanSize(bytes))
	}
}

func FuzzTable(f *testing.F) {
	f.Add("1 queue_if_no_path 1 alua 2 1 service-time 0 1 2 8:0 1 1 service-time 0 1 2 8:192 1 1", "2 0 0 0 2 1 A 0 1 2 8:0 A 0 0 1 E 0 1 2 8:192 F 3 0 1")
	f.Add("0 0 0 0", "2 0 0 0 0 0")
	f.Fuzz(func(t *testing.T, table, status string) {
		if l, err := parseTable(table); err != nil && (l.paths != nil || l.features != "") {
			t.Fatal("a table beside an error")
		}
		if c, err := parseStatus(status); err != nil && (c.paths != nil || c.groups != nil) {
			t.Fatal("a status beside an error")
		}
		var a, b Table
		errA, errB := a.fill(table, status), b.fill(table, status)
		if (errA == nil) != (errB == nil) || !cmp.Equal(a, b) {
			t.Fatal("two answers to one question")
		}
	})
}
