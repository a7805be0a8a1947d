//go:build lab && linux

package scenario

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
)

// ruleLimit bounds a rule as a whole. Where one of its commands does not come
// back by then, the rule has hung, as its program would have.
const ruleLimit = 60 * time.Second

// apply runs the rule that the lab has named. Where each is from, package
// peers says.
func (p *peersHost) apply() {
	p.t.Helper()
	end := time.Now().Add(ruleLimit)
	run := func(argv ...string) (string, error) {
		if p.hung != "" {
			return "", fmt.Errorf("the rule hangs in %s", p.hung)
		}
		begun := time.Now()
		out, err := guest.TryFor(max(time.Until(end), time.Second), argv...)
		p.say(out, err, argv...)
		if err != nil && time.Now().After(end) && time.Since(begun) > time.Second {
			p.hung = argv[0]
		}
		return out, err
	}
	switch p.rule {
	case "lunsweep":
		p.lunsweep(run)
	case "rescan":
		_, _ = run("rescan-scsi-bus.sh", "-r", "-m")
	case "unreadable":
		p.unreadable(run)
	case "pathless":
		p.pathless(run)
	case "flushall":
		p.flushAll(run)
	default:
		p.t.Fatalf("no rule is called %q", p.rule)
	}
	_, _ = guest.TryFor(8*time.Second, "udevadm", "settle", "--timeout=5")
	time.Sleep(3 * time.Second) // multipathd works off what it hears
}

type runner func(argv ...string) (string, error)

func (p *peersHost) say(out string, err error, argv ...string) {
	p.said = append(p.said, "$ "+strings.Join(argv, " "))
	if err != nil {
		out = err.Error()
	}
	if out != "" {
		p.said = append(p.said, out)
	}
}

// owned are the WWIDs of our own volumes, which the owner and the rules that ask
// for one are told.
func (p *peersHost) owned() []string {
	var out []string
	for lun, b := range p.lus {
		if lun != subjectLUN || !p.foreign {
			out = append(out, b.WWID())
		}
	}
	return out
}

func (p *peersHost) lunsweep(run runner) {
	argv := []string{"/payload/sweep", "apply", "-yes", "-dwell", "2s", "-probe-timeout", "3s"}
	for _, wwid := range p.owned() {
		argv = append(argv, "-own", "wwid:"+wwid)
	}
	_, _ = run(argv...)
}

// unreadable is asked about each of our volumes, as before it is staged: a dd
// of its map that fails makes it residual; then the map is flushed, and each
// path deleted, whatever the flush said.
func (p *peersHost) unreadable(run runner) {
	for _, m := range guest.Maps() {
		if !slices.Contains(p.owned(), m.WWID) {
			continue
		}
		if _, err := run("dd", "if=/dev/"+m.DM, "of=/dev/null", "bs=1024", "count=512"); err == nil || p.hung != "" {
			continue
		}
		for range 3 {
			if _, err := run("multipath", "-f", m.Name); err == nil {
				break
			}
		}
		p.deleteAll(run, m.Paths)
	}
}

func (p *peersHost) deleteAll(run runner, disks []string) {
	for _, d := range disks {
		if _, err := os.Stat("/sys/block/" + d); err == nil {
			_, _ = run("sh", "-c", "echo 1 > /sys/block/"+d+"/device/delete")
		}
	}
}

// pathless takes multipathd's word: no path is active, and some fault was ever
// counted.
func (p *peersHost) pathless(run runner) {
	said, err := run("multipathd", "show", "maps", "json")
	var list struct {
		Maps []struct {
			Name   string
			Paths  int
			Faults int `json:"path_faults"`
		}
	}
	if err == nil {
		err = json.Unmarshal([]byte(said), &list)
	}
	if err != nil {
		p.said = append(p.said, err.Error())
		return
	}
	for _, m := range list.Maps {
		i := slices.IndexFunc(guest.Maps(), func(x guest.Map) bool { return x.Name == m.Name })
		if m.Paths >= 1 || m.Faults <= 0 || i < 0 {
			continue
		}
		for _, f := range strings.Split(guest.Findmnt(p.t), "\n") {
			if dir, source, _ := strings.Cut(f, " "); source == "/dev/mapper/"+m.Name {
				_, _ = run("umount", dir)
			}
		}
		p.deleteAll(run, guest.Maps()[i].Paths)
		_, _ = run("dmsetup", "message", m.Name, "0", "fail_if_no_path")
		_, _ = run("dmsetup", "remove", "--force", m.Name)
	}
}

// flushAll flushes every map that is not in use, and deletes every disk that is
// in none.
func (p *peersHost) flushAll(run runner) {
	_, _ = run("multipath", "-F")
	var bare []string
	for _, d := range guest.Ls("/sys/block") {
		if strings.HasPrefix(d, "sd") && len(guest.Ls("/sys/block/"+d+"/holders")) == 0 {
			bare = append(bare, d)
		}
	}
	p.deleteAll(run, bare)
}
