package remediate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/sysfs"
)

// planSchema is the version of the plan's JSON form.
const planSchema = 1

// A Plan says what would be done, to what, in which order, and why. It is data:
// it can be printed, stored, reviewed and executed later, on the same host and
// the same boot, until it expires.
type Plan struct {
	Schema  int       `json:"schema"`
	ID      string    `json:"id"` // digest of everything else in the plan
	Host    string    `json:"host"`
	BootID  string    `json:"boot_id"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Rule    Rule      `json:"rule"`
	Targets []Target  `json:"targets"`
	Steps   []Step    `json:"steps"`

	// Survey is the last look that the plan was made from, with the reason
	// for every device that the plan leaves alone. It is not part of the JSON.
	Survey *Survey `json:"-"`
}

// A Target is one LU of a plan, pinned by what cannot be reused unnoticed.
type Target struct {
	WWID    string    `json:"wwid"`
	Verdict Verdict   `json:"verdict"`
	Proof   Proof     `json:"proof"`
	Reasons []string  `json:"reasons"`
	Map     *MapPin   `json:"map"` // nil where no map is to go
	Paths   []PathPin `json:"paths"`
	// Foreign lists disks of other LUs that are in the map. They stay when it
	// goes.
	Foreign []ForeignPin `json:"foreign,omitempty"`
	// Keeps says that only the listed paths go; the LU lives on.
	Keeps bool `json:"keeps,omitempty"`
}

// A MapPin is the identity of a map.
type MapPin struct {
	Name     string       `json:"name"`
	DM       string       `json:"dm"`
	Devt     sysfs.DevNum `json:"devt"`
	UUID     string       `json:"uuid"`
	DiskSeq  uint64       `json:"diskseq,omitempty"` // 0 before Linux 5.15, and where an older version pinned
	Queueing bool         `json:"queueing"`
}

// A PathPin is the identity of a path.
type PathPin struct {
	Dev     string       `json:"dev"`
	HCTL    sysfs.HCTL   `json:"hctl"`
	Devt    sysfs.DevNum `json:"devt"`
	DiskSeq uint64       `json:"diskseq"`
	Page83  string       `json:"page83"`
}

// A ForeignPin is the identity of a disk that is another LU's.
type ForeignPin struct {
	WWID string `json:"wwid"` // that LU's
	PathPin
}

// name is what the path is called in steps and words.
func (p PathPin) name() string { return or(p.Dev, p.HCTL.String()) }

// An Action is one kind of step.
type Action string

// The actions, in the order in which they come up.
const (
	DisableQueueing Action = "disable-queueing"
	WaitReaders     Action = "wait-readers"
	ProbeMap        Action = "probe-map"
	FlushMap        Action = "flush-map"
	RemoveMap       Action = "remove-map"
	OfflinePath     Action = "offline-path"
	DeletePath      Action = "delete-path"
	ForgetPath      Action = "forget-path"
	OnlinePath      Action = "online-path"
	ResumeMap       Action = "resume-map"
	RestoreQueueing Action = "restore-queueing"
	VerifyGone      Action = "verify"
)

// A Step is one thing to do.
type Step struct {
	N      int    `json:"n"`
	WWID   string `json:"wwid"`
	Action Action `json:"action"`
	Target string `json:"target"` // the map's or disk's name; the pins decide
	Why    string `json:"why"`
}

// Plan looks twice, [WithDwell] apart, and plans the removal of every LU that
// both looks find dead, ours and unused; maps that are suspended are looked at again,
// three times at most. It changes nothing. A plan without targets is no error. With a
// *[BreakerError], and where rights are missing, the plan has no targets and still
// carries its Survey.
func (s *Sweeper) Plan(ctx context.Context) (*Plan, error) {
	first, err := s.resumed(ctx)
	if err != nil && first != nil {
		return &Plan{Survey: first}, err
	}
	if err != nil {
		return nil, err
	}
	back, err := s.dwell(ctx, first)
	if err != nil {
		return nil, err
	}
	second, err := s.resumed(ctx)
	if err != nil && second != nil {
		return &Plan{Survey: second}, err
	}
	if err != nil {
		return nil, err
	}
	return s.plan(first, second, back)
}

// suspendedTries is how often a suspended map is looked at again.
const suspendedTries = 3

// resumed is a Survey in which maps that were suspended have been looked at again:
// multipathd suspends one for a moment when it changes it, as it does where paths fail.
func (s *Sweeper) resumed(ctx context.Context) (*Survey, error) {
	sv, err := s.Survey(ctx)
	for try := 0; err == nil && try < suspendedTries; try++ {
		at := sv.suspended()
		if len(at) == 0 || s.pause(ctx, fleetingPause) != nil {
			break
		}
		again, err := s.survey(ctx, func(f *Facts) bool {
			if f.Map == nil {
				return false
			}
			_, is := at[f.Map.UUID]
			return is
		})
		if err != nil {
			break // what was seen before stands
		}
		for _, d := range again.Devices {
			sv.Devices[at[d.Map.UUID]] = d
		}
	}
	return sv, err
}

// suspended says where in the survey the suspended maps are, by their dm uuid.
func (s *Survey) suspended() map[string]int {
	at := map[string]int{}
	for i, d := range s.Devices {
		if d.Verdict == Suspended {
			at[d.Map.UUID] = i
		}
	}
	return at
}

func (s *Sweeper) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// newPlan is a plan for the surveyed host that plans nothing yet.
func (s *Sweeper) newPlan(sv *Survey) *Plan {
	p := &Plan{
		Schema: planSchema, Host: sv.Host, BootID: sv.BootID, Rule: s.opt.rule, Survey: sv,
		Created: s.opt.now().UTC().Truncate(time.Second), Targets: []Target{}, Steps: []Step{},
	}
	p.Expires = p.Created.Add(s.opt.expiry)
	return p
}

// plan makes the plan from two looks and what was found between them. It is pure but for
// the clock.
func (s *Sweeper) plan(first, second *Survey, back map[string]string) (*Plan, error) {
	p := s.newPlan(agreed(first, second, back))
	err := breaker(p.Survey.Devices, s.opt.maxDead, false)
	for _, d := range p.Survey.Devices {
		if d.Removable && err == nil {
			p.add(d)
		}
	}
	p.settle()
	return p, err
}

// settle gives the plan the exact form that it has when read back from JSON
// (names may hold bytes that JSON cannot), and its id.
func (p *Plan) settle() {
	survey := p.Survey
	if b, err := json.Marshal(p); err == nil {
		*p = Plan{}
		_ = json.Unmarshal(b, p) // it has just been written
	}
	p.ID, p.Survey = p.digest(), survey
}

// agreed is the second look, in which only that is removable which the first look found
// just as dead, and nothing between the two alive. Who uses it counts at the later look,
// and again at the act: udev opens a dying map for a moment as a matter of course.
func agreed(first, second *Survey, back map[string]string) *Survey {
	out := *second
	out.Devices = append([]Device(nil), second.Devices...)
	for i := range out.Devices {
		d := &out.Devices[i]
		before, found := first.Find(d.WWID)
		switch {
		case !d.Removable:
		case !found:
			d.Removable, d.Reasons = false, append(d.Reasons, "the look before did not find it")
		case !sameDeath(before.Verdict, d.Verdict):
			d.Removable, d.Reasons = false, append(d.Reasons, "the look before found it "+before.Verdict.String())
		case !samePins(before, *d):
			d.Removable, d.Reasons = false, append(d.Reasons, "its devices changed between two looks")
		case back[before.WWID] != "":
			d.Removable, d.Reasons = false, append(d.Reasons, back[before.WWID])
		default:
			d.Evidence.Looks = 2
		}
	}
	return &out
}

func samePins(a, b Device) bool {
	x, y := pinned(a), pinned(b)
	if (x.Map == nil) != (y.Map == nil) {
		return false
	}
	if x.Map != nil && (x.Map.UUID != y.Map.UUID || x.Map.Devt != y.Map.Devt || x.Map.Name != y.Map.Name) {
		return false
	}
	return slices.Equal(x.Paths, y.Paths) && slices.Equal(x.Foreign, y.Foreign)
}

// breaker trips when too many of the maps, of the LUs that arrays export, or of all
// LUs look dead at once, or as another LU, while something is about to be removed. A
// host's own disks must make up neither for its maps nor for an array's LUs without
// one. Maps may make up for the leftovers of others: what has no map counts beside
// them only.
func breaker(devices []Device, share float64, planned bool) error {
	maps, far, lus := BreakerError{Of: "maps", Share: share}, BreakerError{Of: "iSCSI and FC LUs", Share: share}, BreakerError{Of: "LUs", Share: share}
	for _, d := range devices {
		planned = planned || d.Removable
		if d.Map == nil && !anyPath(d.Facts, func(p Path) bool { return p.Dev != "" }) {
			continue // a LUN that an array answers for and has no LU behind: no disk was made of it, and nothing asked it
		}
		dead := !anyPath(d.Facts, func(p Path) bool { return p.Answer == Present || p.Answer == Alive && p.Identity != IdentityMismatch })
		lus.count(dead)
		if d.Map != nil {
			maps.count(dead)
		}
		if anyPath(d.Facts, Path.exported) {
			far.count(dead)
		}
	}
	for _, e := range []BreakerError{maps, far, lus} {
		if planned && float64(e.Dead) > share*float64(e.All) {
			return errors.WithStack(&e)
		}
	}
	return nil
}

// exported reports whether the path's other end is an array for sure. Over SAS, and
// where there is no transport class, it may as well be a disk of the host's own.
func (p Path) exported() bool {
	return strings.HasPrefix(p.Transport, "session") || strings.HasPrefix(p.Transport, "rport-")
}

func (e *BreakerError) count(dead bool) {
	e.All++
	if dead {
		e.Dead++
	}
}

// digest names the plan by its contents.
func (p *Plan) digest() string {
	q := *p
	q.ID = ""
	b, err := json.Marshal(q)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// largestPlan is more bytes than the largest plan has, and few enough to be held
// in memory: what never ends, a device say, is no plan.
const largestPlan = 64 << 20

// ReadPlan reads a plan from its JSON form: by itself, or as the "plan" of a
// larger object. It refuses a plan that was edited or is of another schema, and
// what is larger than 64 MiB.
func ReadPlan(r io.Reader) (*Plan, error) {
	b, err := io.ReadAll(io.LimitReader(r, largestPlan+1))
	if err != nil {
		return nil, opError("read the plan", "", err)
	}
	if len(b) > largestPlan {
		return nil, opError("read the plan", "", errors.Errorf("it is larger than %d MiB", largestPlan>>20))
	}
	var doc struct {
		Plan
		Inner *Plan `json:"plan"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, opError("read the plan", "", err)
	}
	p := &doc.Plan
	if doc.Inner != nil {
		p = doc.Inner
	}
	if p.Schema != planSchema {
		return nil, stale("the plan's schema", fmt.Sprint(planSchema), fmt.Sprint(p.Schema))
	}
	if id := p.digest(); p.ID != id {
		return nil, stale("the plan's contents", p.ID, id+" (edited, or cut short)")
	}
	return p, nil
}

func stale(what, want, found string) error {
	return errors.WithStack(&StaleError{What: what, Want: or(want, "nothing"), Found: or(found, "nothing")})
}

// clockSlack is by how much a clock may be put right between plan and act.
const clockSlack = time.Minute

// fits reports why the plan must not be executed here and now, nil if it may.
func (p *Plan) fits(host, boot string, now time.Time) error {
	switch {
	case p.ID != p.digest():
		return stale("the plan's contents", p.ID, p.digest()+" (edited)")
	case p.Host != host:
		return stale("the plan's host", p.Host, host)
	case p.BootID != boot:
		return stale("the plan's boot", p.BootID, boot+" (the host was restarted since)")
	case now.Before(p.Created.Add(-clockSlack)):
		return stale("the plan", "made at "+p.Created.Format(time.RFC3339), now.UTC().Format(time.RFC3339)+" (the clock was set back since)")
	case now.After(p.Expires):
		return stale("the plan", "valid until "+p.Expires.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	for _, t := range p.Targets {
		switch {
		case t.WWID == "":
			return stale("the plan's contents", "a WWID for each LU", "a LU without one")
		case t.Keeps && t.Map != nil:
			return stale("the plan's contents", "no map to go of a LU that lives on", t.WWID+" with "+t.Map.Name)
		}
	}
	return nil
}
