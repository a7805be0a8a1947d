//go:build lab && linux

package scenario

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/remediate"
)

// A busy is an array in use, with LUs of these kinds. Those that are written to
// carry a mounted file system with a writer on it; the idle ones are the easiest
// prey of all.
type busy struct {
	g    *guest.Target
	luns []*busyLU
	host map[string]string // the host's devices, as they were
}

type busyLU struct {
	kind   busyKind
	m      guest.Map
	dir    string
	writer *guest.Writer // nil where it is idle
	idle   guest.Pattern
}

type busyKind int

const (
	writesFailing busyKind = iota // no_path_retry fail
	writesRetries                 // a number: 120 checks, two minutes at least
	writesQueueing
	idleFailing
	idleQueueing
)

// retry is what no_path_retry is for this kind.
func (k busyKind) retry() string { return []string{"fail", "120", "queue", "fail", "queue"}[k] }

func (k busyKind) writes() bool { return k < idleFailing }

// newBusy makes one whose sessions wait for this many seconds before they fail
// what is under way.
func newBusy(t *testing.T, recovery int, kinds ...busyKind) *busy {
	t.Helper()
	b := &busy{g: guest.NewTarget(t, "array", portal1, portal2)}
	c := guest.Conf{FriendlyNames: true, Extra: []string{"multipaths {"}, Defaults: []string{
		fmt.Sprintf("fast_io_fail_tmo %d", recovery), "dev_loss_tmo 600", // multipathd sets the sessions' time by it
	}}
	for i, kind := range kinds {
		lu := guest.NewBackstore(t, fmt.Sprintf("b%d", i), 16, fmt.Sprintf("ab0%d", i))
		b.g.Map(t, i, lu)
		c.Extra = append(c.Extra, fmt.Sprintf("multipath {\nwwid %s\nno_path_retry %s\n}", lu.WWID(), kind.retry()))
	}
	c.Extra = append(c.Extra, "}")
	guest.StartInitiator(t, guest.Patience{Replacement: recovery}, false)
	b.g.Login(t, len(kinds))
	guest.StartMultipathd(t, c)
	guest.WaitMaps(t, len(kinds), 2)
	for i, kind := range kinds {
		b.luns = append(b.luns, newBusyLU(t, guest.MapOf(t, b.g.Disks(t, i)[0]), kind))
	}
	b.host = devices(t, b.g)
	return b
}

func newBusyLU(t *testing.T, m guest.Map, kind busyKind) *busyLU {
	t.Helper()
	l := &busyLU{kind: kind, m: m}
	if !kind.writes() {
		l.idle = guest.WritePattern(t, m.Dev(), uint64(kind))
		return l
	}
	guest.Mkfs(t, "ext4", m.Dev())
	l.dir = guest.Mount(t, m.Dev())
	l.writer = guest.StartWriter(t, l.dir, byte(kind))
	return l
}

// devices says which disks, maps and sessions there are, by what would change
// if one of them were taken away and made anew.
func devices(t *testing.T, g *guest.Target) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, i := range guest.DmsetupInfo(t) {
		out[name] = i.UUID + " " + i.Devt
	}
	for _, disk := range guest.Ls("/sys/block") {
		if strings.HasPrefix(disk, "sd") {
			out[disk] = guest.Read(t, "/sys/block/"+disk+"/diskseq")
		}
	}
	for _, s := range g.Sessions() {
		out[s.Name] = s.Portal
	}
	return out
}

// outage breaks something for d and mends it, while somebody surveys, plans and
// executes over and over, as an owner of everything, without a circuit breaker,
// by the usual rule and by the operator's. Nothing must ever come of it, and each
// of the wanted verdicts must be found: until it is, the outage goes on.
func (b *busy) outage(t *testing.T, d time.Duration, breaks, mends func(), wanted ...remediate.Verdict) {
	t.Helper()
	begun := time.Now()
	breaks()
	seen, over := make(chan struct{}), make(chan struct{})
	time.AfterFunc(d, func() {
		defer close(over)
		select {
		case <-seen:
		case <-time.After(outageLimit - d):
		}
		guest.Aside(mends)
	})
	var once sync.Once
	found, rounds, last := map[remediate.Verdict]int{}, 0, false
	for ; !last; rounds++ {
		select {
		case <-over:
			last = true // one more, while everything comes back
		default:
		}
		for _, rule := range [][]remediate.Option{nil, {remediate.WithRunbook()}} {
			b.sweepInVain(t, found, rule...)
		}
		wanted = slices.DeleteFunc(wanted, func(v remediate.Verdict) bool { return found[v] > 0 })
		if len(wanted) == 0 {
			once.Do(func() { close(seen) })
		}
	}
	t.Logf("%d rounds in %s: %v", rounds, time.Since(begun).Round(time.Second), found)
	if len(wanted) > 0 {
		t.Errorf("nothing was found to be any of %v", wanted)
	}
}

// outageLimit is less than a map with retries bears.
const outageLimit = 95 * time.Second

func (b *busy) sweepInVain(t *testing.T, found map[remediate.Verdict]int, rule ...remediate.Option) {
	t.Helper()
	s := newSweeper(t, append(rule, remediate.WithDwell(200*time.Millisecond), remediate.WithMaxDead(1), remediate.WithObserver(never(t)))...)
	p := plan(t, s)
	if r, err := carryOut(bounded(t), t, s, p); err != nil || len(r.Results) != 0 {
		t.Fatalf("a plan without targets: %+v, %v", r, err)
	}
	for _, d := range p.Survey.Devices {
		found[d.Verdict]++
		if d.Verdict.Residual() {
			t.Fatalf("in an outage %s is %s; the survey:\n%s", d.WWID, d.Verdict, words(p.Survey))
		}
	}
}

// expectBack waits until everything is as it was before the outage: the very
// same devices and sessions, all paths, all ways to bear a loss.
func (b *busy) expectBack(t *testing.T) {
	t.Helper()
	b.g.WaitSessions(t, "LOGGED_IN", 40*time.Second)
	for _, l := range b.luns {
		guest.WaitFor(t, l.m.Name+" is as it was", 40*time.Second, func() error {
			if queues := l.kind.retry() != "fail"; queues != guest.Queueing(t, l.m.Name) {
				return fmt.Errorf("queueing should be %v", queues)
			}
			return carries(t, l.m, 2)
		})
	}
	if now := devices(t, b.g); !maps.Equal(now, b.host) {
		t.Errorf("the devices were %v and are %v", b.host, now)
	}
	expectNotStuck(t)
}

// expectWriting checks that the writers of these kinds have seen no error and
// go on.
func (b *busy) expectWriting(t *testing.T, which ...busyKind) {
	t.Helper()
	for _, l := range b.luns {
		if l.writer == nil || !slices.Contains(which, l.kind) {
			continue
		}
		before := l.writer.Written()
		guest.WaitFor(t, "the writer on "+l.m.Name+" goes on", 20*time.Second, func() error {
			if err := l.writer.Err(); err != nil || l.writer.Written() == before {
				return fmt.Errorf("no_path_retry %s: %d records, %s", l.kind.retry(), l.writer.Written(), fmt.Sprint(err))
			}
			return nil
		})
	}
}

// expectData ends the writers and compares the data with what they wrote, on
// file systems mounted afresh.
func (b *busy) expectData(t *testing.T) {
	t.Helper()
	for _, l := range b.luns {
		w := l.writer
		if w == nil {
			l.idle.Check(t)
			continue
		}
		w.Stop(t, 20*time.Second)
		t.Logf("no_path_retry %s: %d records, the slowest took %s, %v", l.kind.retry(), w.Written(), w.Worst().Round(time.Millisecond), w.Err())
		guest.Umount(t, l.dir)
		w.Check(t, guest.Mount(t, l.m.Dev()))
	}
	guest.WaitFor(t, "the survey finds all of them healthy", 20*time.Second, func() error {
		return allAre(survey(t, newSweeper(t)), remediate.Healthy)
	})
}

// states lists the SCSI states of the disks behind a portal, each once.
func (b *busy) states(portal string) []string {
	var out []string
	for _, s := range b.g.Sessions() {
		if s.Portal != portal {
			continue
		}
		found, _ := filepath.Glob("/sys/class/iscsi_session/" + s.Name + "/device/target*/*/state")
		for _, f := range found {
			text, _ := os.ReadFile(f)
			out = append(out, strings.TrimSpace(string(text)))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
