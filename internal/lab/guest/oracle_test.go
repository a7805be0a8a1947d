//go:build linux

package guest

import "testing"

func TestEnding(t *testing.T) {
	for name, c := range map[string]struct {
		code       int
		said, want string
	}{
		"ready": {0, "    cdb to send: [00 00 00 00 00 00]\nSCSI Status: Good \n", ""},
		"fixed": {5, "SCSI Status: Check Condition \n\nSense Information:\nFixed format, current; Sense key: Illegal Request\nAdditional sense: Logical unit not supported\n" +
			" Raw sense data (in hex), sb_len=18, embedded_len=18\n        70 00 05 00 00 00 00 0a  00 00 00 00 25 00 00 c0\n        00 02\n", "05/25/00"},
		"descriptor": {5, " Raw sense data (in hex), sb_len=8\n        72 05 25 00 00 00 00 00\n", "05/25/00"},
		"no connect": {99, ">>> transport error: Host_status=0x01 [DID_NO_CONNECT]\n\nSCSI Status: Good \n", "host 0x01"},
		"words":      {15, "open error: /dev/sdx\n", "open error: /dev/sdx"},
	} {
		if got := ending(c.code, c.said); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
