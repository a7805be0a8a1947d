package remediate

import (
	"encoding/json"
	"testing"
)

// A note survives being written and read, and whatever else is read names
// something that could be put right.
func FuzzParseUnfinished(f *testing.F) {
	f.Add([]byte(`{"schema":1,"wwid":"3600","plan":"p","boot_id":"b","by":"sweep (pid 1)","since":"2026-01-02T03:04:05Z","map":{"name":"mpathb","dm":"dm-12","devt":"253:12","uuid":"mpath-3600","queueing":true}}`))
	f.Add([]byte(`{"schema":1,"wwid":"3600","boot_id":"b","offline":[{"dev":"sdi","hctl":"39:0:0:1","devt":"8:128","diskseq":7,"page83":"ab"}]}`))
	f.Add([]byte(`{"schema":2,"wwid":"3600","boot_id":"b"}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		u, err := parseUnfinished(b)
		if err != nil {
			return
		}
		if u.WWID == "" || u.BootID == "" || u.Map == nil && len(u.Offline) == 0 {
			t.Fatalf("%q is taken for %+v", b, u)
		}
		again, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := parseUnfinished(again); err != nil || v.String() != u.String() {
			t.Fatalf("%q is %s, and then %s (%v)", b, u, v, err)
		}
	})
}
