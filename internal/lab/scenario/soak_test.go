//go:build lab && linux

package scenario

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/guest"
	"github.com/lunsweep/lunsweep/internal/lab/soak"
	"github.com/lunsweep/lunsweep/remediate"
)

// Random rounds of what an array, an administrator and the users of a host do,
// with a sweep in each: SOAK of them (10 unless told), drawn by SEED (1). The
// book of the array says who is dead; see soakCheck for what must hold after
// each round.
//
//	go run ./internal/lab -run '^TestSoak$' -soak 500 -seed 7
func TestSoak(t *testing.T) {
	rounds, seed := number("SOAK", soak.Rounds), uint64(number("SEED", 1))
	t.Logf("soak: %d rounds, seed %d", rounds, seed)
	s := newSoaker(t, seed)
	t.Cleanup(s.epilogue)
	for i, r := range soak.Draw(seed, rounds) {
		s.round(i, r)
	}
	s.done = true
	if halted := s.counts["breaker"] + s.counts["unfinished"]; halted > 2+rounds/10 {
		t.Errorf("of %d sweeps the circuit breaker stopped, or the time ended, %d: that hides what they would have done", rounds, halted)
	}
}

func number(env string, byDefault int) int {
	if n, err := strconv.Atoi(os.Getenv(env)); err == nil {
		return n
	}
	return byDefault
}

// A volumeID is a volume of the soak: the first or the second of a LUN.
type volumeID struct{ lun, volume int }

// A soaker does to the guest what was drawn.
type soaker struct {
	t      *testing.T
	seed   uint64
	g      *guest.Target
	conf   guest.Conf
	daemon *guest.Multipathd
	book   *soak.Book // of what was really done

	volumes   map[volumeID]guest.Backstore
	sums      map[volumeID][sha256.Size]byte // of those that nobody may write to
	uses      map[int]*soakUse               // by LUN
	readers   []*guest.Reader
	unqueued  map[volumeID]bool // queueing was switched off by hand, or by multipathd for good
	misses    map[volumeID]int  // sweeps that could have cleared it and did not
	wasAlive  map[volumeID]bool // what was mapped when this sweep began
	tables    map[string]string // the maps' as they were then, by name
	restarted bool              // multipathd was, in this round
	deleted   map[int]bool      // LUNs of which a path was deleted by hand amid this sweep
	stopped   bool              // this sweep was stopped by the circuit breaker, or multipathd amid it

	sweeper *remediate.Sweeper
	journal *soakJournal
	said    []string // every action, in order
	at      int      // the round
	counts  map[string]int
	slowest time.Duration
	done    bool
}

func newSoaker(t *testing.T, seed uint64) *soaker {
	s := &soaker{
		t: t, seed: seed, book: soak.Open(), journal: &soakJournal{}, g: guest.NewTarget(t, "soak", portals[:]...),
		volumes: map[volumeID]guest.Backstore{}, sums: map[volumeID][sha256.Size]byte{}, uses: map[int]*soakUse{},
		unqueued: map[volumeID]bool{}, misses: map[volumeID]int{}, counts: map[string]int{},
	}
	s.conf = guest.Conf{Defaults: []string{"queue_without_daemon yes"}, Extra: []string{"multipaths {"}}
	for lun := range soak.LUNs {
		for v := range 2 {
			s.provision(volumeID{lun, v})
		}
		s.g.Map(t, lun, s.volumes[volumeID{lun, 0}])
	}
	s.conf.Extra = append(s.conf.Extra, "}")
	guest.StartInitiator(t, guest.Patience{}, false)
	s.g.Login(t, soak.LUNs)
	s.daemon = guest.StartMultipathd(t, s.conf)
	guest.WaitMaps(t, soak.LUNs, soak.Portals)
	s.sweeper = newSweeper(t, remediate.WithOwner(s.owns), remediate.WithDwell(200*time.Millisecond),
		remediate.WithProbeTimeout(time.Second), remediate.WithMaxDead(0.7), remediate.WithJournal(s.journal),
		remediate.WithObserver(func(remediate.Event) {}))
	return s
}

// provision makes a volume, with contents that no other has.
func (s *soaker) provision(v volumeID) {
	mib := 2
	if soak.Mountable(v.lun, v.volume) {
		mib = 8
	}
	b := guest.NewBackstore(s.t, fmt.Sprintf("v%d%d", v.lun, v.volume), mib, fmt.Sprintf("50a%d%d", v.lun, v.volume))
	if soak.Mountable(v.lun, v.volume) {
		b.Format(s.t)
	} else {
		b.Fill(s.t, uint64(v.lun*2+v.volume))
	}
	s.volumes[v], s.sums[v] = b, b.Sum(s.t)
	retry := "fail" // said for each map: multipath's own entry for LIO says 12
	if soak.Queues(v.lun) {
		retry = "queue"
	}
	s.conf.Extra = append(s.conf.Extra, fmt.Sprintf("multipath {\nwwid %s\nno_path_retry %s\n}", b.WWID(), retry))
}

func (s *soaker) wwid(v volumeID) string { return s.volumes[v].WWID() }

// each calls f for every volume, in order.
func (s *soaker) each(f func(volumeID)) {
	for lun := range soak.LUNs {
		for v := range 2 {
			f(volumeID{lun, v})
		}
	}
}

// alive reports whether the array has the volume mapped.
func (s *soaker) alive(v volumeID) bool { return s.book.Alive(v.lun, v.volume) }

// inUse reports whether somebody at the host uses the volume.
func (s *soaker) inUse(v volumeID) bool { return s.book.InUse(v.lun, v.volume) }

// round does one round, and checks what came of it.
func (s *soaker) round(i int, r soak.Round) {
	s.at, s.deleted, s.stopped, s.restarted = i, map[int]bool{}, false, false
	begun := time.Now()
	s.say("round %d", i)
	for _, a := range r.Before {
		s.do(a)
	}
	s.settle()
	acted := time.Since(begun)
	before := s.look()
	s.tables = guest.DmsetupTables(s.t)
	s.wasAlive = map[volumeID]bool{}
	s.each(func(v volumeID) { s.wasAlive[v] = s.alive(v) })
	s.journal.forget()
	could := s.couldClear()
	if r.Command {
		s.sweepByCommand()
	} else {
		s.sweepByLibrary(r.Between)
	}
	swept := time.Since(begun) - acted
	s.check(before, could)
	s.t.Logf("%s (%.1f s, of which the sweep %.1f s, the oracle %.1f s)", strings.Join(s.said[s.lastRound():], "; "),
		time.Since(begun).Seconds(), swept.Seconds(), (time.Since(begun) - acted - swept).Seconds())
}

func (s *soaker) say(format string, args ...any) {
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

// lastRound is where the actions of the current round begin.
func (s *soaker) lastRound() int {
	for i := len(s.said) - 1; i >= 0; i-- {
		if strings.HasPrefix(s.said[i], "round ") {
			return i
		}
	}
	return 0
}

// fail ends the soak with all that it takes to understand and to repeat it.
func (s *soaker) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("round %d: %s\nthe journal of its sweep:\n%s", s.at, fmt.Sprintf(format, args...), s.journal)
}

func (s *soaker) epilogue() {
	if s.done {
		s.t.Logf("soak: %d rounds, seed %d: %v; the slowest sweep took %s", s.at+1, s.seed, s.counts, s.slowest.Round(time.Millisecond))
		return
	}
	s.t.Logf("the actions up to then:\n%s", strings.Join(s.said, "; "))
	s.t.Logf("seed %d, round %d: repeat it by -soak %d -seed %d", s.seed, s.at, s.at+1, s.seed)
}

// A soakJournal keeps the journal of one sweep.
type soakJournal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *soakJournal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *soakJournal) forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.Reset()
}

func (j *soakJournal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
