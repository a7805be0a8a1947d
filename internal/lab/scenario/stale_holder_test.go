//go:build lab && linux

package scenario

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// An encrypted volume stands right on a disk, and somebody deletes the disk under it: the
// mapping looks as whole as before. It is named, with what its operator can do, never
// taken for the volume, and neither it nor the volume that comes in the lost one's stead
// is touched.
func TestStaleHolder(t *testing.T) {
	const kept, lost = 1, 2
	g, lus := volumes(t, 3, "127.0.0.1")
	disk := g.Disks(t, lost)[0]
	pattern := guest.WritePattern(t, "/dev/"+g.Disks(t, kept)[0], 7)
	guest.LUKS(t, "/dev/"+disk, "secrets")
	g.Unmap(t, lost)
	s := newSweeper(t, remediate.WithMaxDead(1), remediate.WithObserver(never(t)))
	if d, _ := plan(t, s).Survey.Find(lus[lost].WWID()); len(d.InUse) == 0 || d.Removable {
		t.Errorf("the disk under it: %s, removable %v, in use %v", d.Verdict, d.Removable, d.InUse)
	}

	guest.Write(t, "/sys/block/"+disk+"/device/delete", "1")
	told := func() remediate.StaleHolder {
		t.Helper()
		all := plan(t, s).Survey.StaleHolders
		if len(all) != 1 || !slices.Equal(all[0].Gone, []string{disk}) || all[0].Release != "cryptsetup close secrets" {
			t.Fatalf("%+v", all)
		}
		return all[0]
	}
	h := told()
	for _, args := range [][]string{{"scan"}, {"apply", "-yes", "-own", "all", "-dwell", "0", "-max-dead", "100"}} {
		r := swept(t, args...)
		t.Logf("sweep %v: exit status %d\n%s%s", args, r.Code, r.Stdout, r.Stderr)
		if !strings.Contains(r.Stderr, "secrets (LUKS, "+h.Dev+") stands on "+disk+", which has gone") {
			t.Errorf("sweep %v does not tell of it", args)
		}
	}
	for _, device := range []string{"/dev/mapper/secrets", "/dev/" + h.Dev} {
		if err := verifyIdentity(t, s, device, lus[lost].WWID()); err == nil {
			t.Errorf("%s is taken for the volume", device)
		}
	}

	fresh := guest.NewBackstore(t, "fresh", 16, "cd99")
	g.Map(t, lost, fresh)
	g.Rescan(t)
	var found string
	guest.WaitFor(t, "the new volume is there", 20*time.Second, func() error {
		for _, found = range guest.Ls("/sys/block") {
			if strings.HasPrefix(found, "sd") && guest.CachedWWID(found) == fresh.WWID() {
				return nil
			}
		}
		return errors.New(strings.Join(guest.Ls("/sys/block"), " "))
	})
	guest.Udev(t)
	theirs := guest.WritePattern(t, "/dev/"+found, 8)
	if again := told(); again.Dev != h.Dev {
		t.Errorf("it was %+v, and is %+v", h, again)
	}
	verdict(t, survey(t, s), fresh.WWID(), remediate.Healthy)
	if i, there := guest.DmsetupInfo(t)["secrets"]; !there || i.Suspended {
		t.Errorf("secrets: %v, %+v", there, i)
	}
	guest.CloseCrypt(t, "secrets")
	if left := survey(t, s).StaleHolders; len(left) > 0 {
		t.Errorf("closed, and still %+v", left)
	}
	pattern.Check(t)
	theirs.Check(t)
	expectNotStuck(t)
}
