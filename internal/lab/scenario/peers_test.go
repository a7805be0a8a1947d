//go:build lab && linux

package scenario

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/internal/lab/peers"
)

// Each of these is one situation of a host, into which the lab puts one rule
// after the other, each on a fresh boot (go run ./internal/lab -peers print);
// alone it is run with our own rule, which must do right by it.

func TestPeersUnmapped(t *testing.T) {
	p := newPeers(t, false)
	p.unmap()
	p.judge()
}

func TestPeersOutage(t *testing.T) {
	p := newPeers(t, false)
	p.mount()
	for _, address := range p.g.Portals {
		guest.Cut(t, address)
	}
	p.g.WaitSessions(t, "FAILED", 60*time.Second)
	guest.WaitFailed(t, p.subject)
	p.act()
	for _, address := range p.g.Portals {
		guest.Mend(t, address)
	}
	p.g.WaitSessions(t, "LOGGED_IN", 60*time.Second)
	time.Sleep(10 * time.Second) // multipathd looks every second or two
	p.judge()
}

func TestPeersReused(t *testing.T) {
	p := newPeers(t, false)
	p.reuse()
	p.judge()
}

func TestPeersReusedMounted(t *testing.T) {
	p := newPeers(t, false)
	p.mount()
	p.reuse()
	p.judge()
}

func TestPeersEmpty(t *testing.T) {
	p := newPeers(t, true)
	disks := p.subject.Paths
	p.unmap()
	emptied(t, p.daemon, p.subject, disks)
	p.judge()
}

func TestPeersDeadMounted(t *testing.T) {
	p := newPeers(t, false)
	p.mount()
	p.unmap()
	p.judge()
}

func TestPeersHeld(t *testing.T) {
	p := newPeers(t, false)
	p.release = guest.Hold(t, p.subject.Dev(), true)
	p.unmap()
	p.judge()
}

func TestPeersForeign(t *testing.T) {
	p := newPeers(t, false)
	p.foreign = true
	p.unmap()
	p.judge()
}

func TestPeersHealthy(t *testing.T) {
	newPeers(t, false).judge()
}

// The LUNs of the host: one that is attached and not used yet, the one that the
// situation is about, and one that is mounted and well.
const (
	idleLUN, subjectLUN, busyLUN = 0, 1, 2
)

// A peersHost is a host in one of the situations.
type peersHost struct {
	t         *testing.T
	situation peers.Situation
	rule      string
	g         *guest.Target
	daemon    *guest.Multipathd
	lus       []guest.Backstore
	subject   guest.Map
	newcomer  guest.Backstore // what the subject's LUN was given to
	reused    bool
	foreign   bool
	release   func() // ends the holder; nil without one
	files     map[int]mountedFile
	before    sight
	sums      map[string][32]byte
	acted     bool
	hung      string // the command that did not come back
	said      []string
}

type mountedFile struct {
	dir     string
	content []byte
}

// newPeers is the host before anything happens to it; queue says whether its
// maps queue without paths.
func newPeers(t *testing.T, queue bool) *peersHost {
	t.Helper()
	p := &peersHost{t: t, rule: os.Getenv("RULE"), files: map[int]mountedFile{}, sums: map[string][32]byte{}}
	if p.rule == "" {
		p.rule = peers.Rules()[0].Name
	}
	i := slices.IndexFunc(peers.Situations(), func(s peers.Situation) bool { return s.Test == t.Name() })
	p.situation = peers.Situations()[i]
	p.g = guest.NewTarget(t, "array", portals[:]...)
	for lun := range 3 {
		b := guest.NewBackstore(t, fmt.Sprintf("b%d", lun), 16, fmt.Sprintf("ab0%d", lun))
		b.Format(t)
		p.lus = append(p.lus, b)
		p.g.Map(t, lun, b)
	}
	p.newcomer = guest.NewBackstore(t, "newcomer", 16, "cd99")
	p.newcomer.Fill(t, 9)
	guest.StartInitiator(t, guest.Patience{}, false)
	p.g.Login(t, 3)
	retry := "fail" // in the section that outweighs multipath's own entry for the array
	if queue {
		retry = "queue"
	}
	p.daemon = guest.StartMultipathd(t, guest.Conf{FriendlyNames: true, Extra: []string{"overrides {\nno_path_retry " + retry + "\n}"}})
	guest.WaitMaps(t, 3, 2)
	p.subject = guest.MapOf(t, p.g.Disks(t, subjectLUN)[0])
	p.mountLUN(busyLUN)
	for _, b := range []guest.Backstore{p.lus[idleLUN], p.newcomer} {
		p.sums[b.Name] = b.Sum(t)
	}
	return p
}

// mount mounts the subject, with something in it that is safely on the array.
func (p *peersHost) mount() { p.t.Helper(); p.mountLUN(subjectLUN) }

func (p *peersHost) mountLUN(lun int) {
	p.t.Helper()
	f := mountedFile{dir: guest.Mount(p.t, guest.MapOf(p.t, p.g.Disks(p.t, lun)[0]).Dev()), content: []byte(strings.Repeat(fmt.Sprintf("LUN %d ", lun), 1000))}
	if err := os.WriteFile(f.dir+"/data", f.content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	guest.Run(p.t, "sync", "-f", f.dir)
	p.files[lun] = f
}

// unmap has the array take the subject away, and waits until multipathd knows.
func (p *peersHost) unmap() {
	p.t.Helper()
	p.g.Unmap(p.t, subjectLUN)
	guest.WaitFailed(p.t, p.subject)
}

// reuse has the array give the subject's LUN to the newcomer, and waits until
// multipathd finds the paths well again: they are, only elsewhere.
func (p *peersHost) reuse() {
	p.t.Helper()
	p.g.Remap(p.t, subjectLUN, p.newcomer)
	p.reused = true
	time.Sleep(6 * time.Second)
}

// act applies the rule, within a limit.
func (p *peersHost) act() {
	p.t.Helper()
	if p.acted {
		return
	}
	p.acted = true
	p.before = p.look()
	p.apply()
}

func (p *peersHost) look() sight {
	at := sight{maps: map[string]guest.Map{}, disks: p.g.AllDisks()}
	for _, m := range guest.Maps() {
		at.maps[m.WWID] = m
	}
	return at
}

// judge applies the rule where that has not been done, and says what came of
// it. Of others' rules that is only recorded, ours must have done right.
func (p *peersHost) judge() {
	p.t.Helper()
	p.act()
	cell, right := p.cell()
	p.t.Logf("the rule did:\n%s", strings.Join(p.said, "\n"))
	p.t.Logf("%s%s", peers.Says, cell)
	if p.rule == peers.Rules()[0].Name && !right {
		p.t.Errorf("%s: %s", p.situation.Title, cell)
	}
}
