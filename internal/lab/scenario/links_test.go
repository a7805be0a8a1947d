//go:build lab && linux

package scenario

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/diskbyid"
	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/sysfs"
)

// The links in by-id lie: one dangles, one leads to a path instead of the map,
// one to another LU's map. The library goes by identity and is not misled;
// diskbyid says what is wrong; and verification does not call the LU gone before
// the last link that names it is.
func TestLinksLie(t *testing.T) {
	const kept, other, lost = 1, 2, 3
	w := newTwins(t, guest.Conf{FriendlyNames: true}, kept, other, lost)
	m, disks := w.mapped(t, lost), w.disks(t, lost)
	keptMap, otherMap := w.mapped(t, kept), w.mapped(t, other)
	w.unmap(t, lost)
	guest.Udev(t)
	const dir = "/dev/disk/by-id/"
	dangling, path, elsewhere := "dm-uuid-part9-mpath-"+w.wwid(lost), "wwn-0x"+w.wwid(kept)[1:], "dm-uuid-mpath-"+w.wwid(other)
	for name, to := range map[string]string{dangling: "sdzz", path: w.disks(t, kept)[0], elsewhere: keptMap.DM} {
		_ = os.Remove(dir + name)
		if err := os.Symlink("../../"+to, dir+name); err != nil {
			t.Fatal(err)
		}
	}

	root, err := sysfs.New("/")
	if err != nil {
		t.Fatal(err)
	}
	links := diskbyid.New(root)
	all, err := links.List(bounded(t))
	if err != nil {
		t.Fatalf("%+v", err)
	}
	identity := map[string]string{keptMap.DM: w.wwid(kept), otherMap.DM: w.wwid(other)}
	wrong := diskbyid.Misleading(all, func(dev string) string { return identity[dev] })
	if len(wrong) != 1 || wrong[0].Name != elsewhere {
		t.Errorf("misleading are %+v, want %s alone", wrong, elsewhere)
	}
	if l, err := links.Resolve(bounded(t), dangling); err != nil || !l.Dangling {
		t.Errorf("%+v, %v: it dangles", l, err)
	}
	short, cancel := context.WithTimeout(bounded(t), time.Second)
	defer cancel()
	var left *diskbyid.LeftError
	if err := links.WaitMoved(short, w.wwid(kept), keptMap.DM); !errors.As(err, &left) || len(left.Links) != 1 || left.Links[0].Name != path {
		t.Errorf("%v: want %s, which leads to a path and not to the map", err, path)
	}

	s := newSweeper(t)
	sv := survey(t, s)
	verdict(t, sv, w.wwid(kept), remediate.Healthy)
	verdict(t, sv, w.wwid(other), remediate.Healthy)
	p := plan(t, s, w.wwid(lost))
	results := traced(t, p, remediate.Failed, []guest.Map{keptMap, otherMap})
	if why := results[w.wwid(lost)].Reason; !strings.Contains(why, "still there") || !strings.Contains(why, dangling) {
		t.Errorf("the report does not name the link that is left: %s", why)
	}
	if v := verify(t, s, p.Targets...)[0]; v.Gone || !strings.Contains(strings.Join(v.Remains, " "), dangling) {
		t.Errorf("verify: %+v", v)
	}
	if err := os.Remove(dir + dangling); err != nil {
		t.Fatal(err)
	}
	if v := verify(t, s, p.Targets...)[0]; !v.Gone {
		t.Errorf("verify: %+v", v)
	}
	expectGone(t, m, disks...)
	expectThere(t, keptMap, 2)
	expectThere(t, otherMap, 2)
}
