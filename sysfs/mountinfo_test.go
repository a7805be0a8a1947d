package sysfs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestParseMountInfo(t *testing.T) {
	tests := []struct {
		name, text string
		want       []mountLine
		bad        bool
	}{
		{name: "nothing"},
		{name: "the manual's", text: "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n",
			want: []mountLine{{36, DevNum{98, 0}, "/mnt1", "/mnt2", "ext3", "/dev/root"}}},
		{name: "two lines, no newline at the end, none and two optional fields",
			text: "27 24 0:22 / / rw,relatime - overlay overlay rw\n28 27 0:25 / /proc rw shared:1 master:2 - proc proc rw",
			want: []mountLine{{27, DevNum{0, 22}, "/", "/", "overlay", "overlay"}, {28, DevNum{0, 25}, "/", "/proc", "proc", "proc"}}},
		{name: "escapes", text: `93 27 254:3 /a\134b /run/a\040b\011\012\043 rw - ext4 /dev/mapper/x\040y rw` + "\n",
			want: []mountLine{{93, DevNum{254, 3}, `/a\b`, "/run/a b\t\n#", "ext4", "/dev/mapper/x y"}}},
		{name: "no escapes", text: `93 27 254:3 / /a\04 rw - ext4 \x40\400\ rw`,
			want: []mountLine{{93, DevNum{254, 3}, "/", `/a\04`, "ext4", `\x40\400\`}}},
		{name: "empty source (Linux before 5.1)", text: "93 27 0:40 / /mnt rw shared:9 - tmpfs  rw\n",
			want: []mountLine{{93, DevNum{0, 40}, "/", "/mnt", "tmpfs", ""}}},
		{name: "a dash for a root", text: "93 27 0:40 - - rw - - - -\n",
			want: []mountLine{{93, DevNum{0, 40}, "-", "-", "-", "-"}}},
		{name: "no separator", text: "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 ext3 /dev/root rw x y\n", bad: true},
		{name: "cut off", text: "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3\n", bad: true},
		{name: "no number", text: "x 35 98:0 /mnt1 /mnt2 rw - ext3 /dev/root rw\n", bad: true},
		{name: "no device", text: "36 35 98 /mnt1 /mnt2 rw - ext3 /dev/root rw\n", bad: true},
		{name: "empty line", text: "\n", bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseMountInfo([]byte(tt.text))
			require.Equal(t, tt.bad, err != nil, "%v", err)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(mountLine{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func FuzzParseMountInfo(f *testing.F) {
	f.Add([]byte("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"))
	f.Add([]byte(`93 27 254:3 /a\134b /run/a\040b rw - ext4 /dev/mapper/x rw`))
	f.Add([]byte("93 27 0:40 / /mnt rw shared:9 - tmpfs  rw\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseMountInfo(text)
		if err != nil {
			require.Empty(t, got)
		}
		again, _ := parseMountInfo(text)
		require.Equal(t, got, again)
	})
}
