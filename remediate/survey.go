package remediate

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/blockprobe"
	"github.com/lunsweep/lunsweep/internal/park"
)

// A Device is one LU as this host sees it, judged.
type Device struct {
	Facts
	Judgement
	// Removable says that both keys hold: proven dead, and ours and unused.
	Removable bool `json:"removable"`
}

// A Survey is what one look at a host has found. It changes nothing.
type Survey struct {
	Host    string    `json:"host"`
	BootID  string    `json:"boot_id"`
	Time    time.Time `json:"time"`
	Backend string    `json:"backend"` // how multipathd was spoken to
	// PassedOver says for each better way why it was not taken.
	PassedOver []string `json:"passed_over,omitempty"`
	Devices    []Device `json:"devices"`
	// Gaps lists what could not be seen. Where that bears on who uses a
	// device, every device counts as in use.
	Gaps []Gap `json:"gaps,omitempty"`
	// StaleHolders lists what stands on disks that are gone. It is told, and left alone.
	StaleHolders []StaleHolder `json:"stale_holders,omitempty"`
	// Unfinished lists what killed runs have left to be put right, which
	// [Sweeper.Recover] does.
	Unfinished []Unfinished `json:"unfinished,omitempty"`
}

// Residual lists the devices that ought to go, removable or not.
func (s *Survey) Residual() []Device {
	return slices.DeleteFunc(slices.Clone(s.Devices), func(d Device) bool { return !d.Verdict.Residual() })
}

// Find is the device that goes by this WWID.
func (s *Survey) Find(wwid string) (Device, bool) {
	for _, d := range s.Devices {
		if d.is(wwid) {
			return d, true
		}
	}
	return Device{}, false
}

// Survey looks at every multipath map and every SCSI disk of the host once,
// and judges them. It reads sysfs and procfs, asks multipathd and device-mapper
// for their maps, sends INQUIRY, TEST UNIT READY and REPORT LUNS to the disks,
// and reads the first MiB of each map: of a path of it where the map queues, and
// nothing of what would hang. It writes nothing.
//
// Without root it returns what can be seen, with the rest in Gaps, and an error
// that matches fs.ErrPermission. In a container without the host's /sys, /proc or
// /dev under the root it returns an error that matches fs.ErrNotExist.
func (s *Sweeper) Survey(ctx context.Context) (*Survey, error) {
	out, err := s.survey(ctx, everything)
	if out == nil {
		return nil, err
	}
	left, bad, lerr := s.unfinished(ctx, out.BootID)
	if lerr = join(append(bad, lerr)); lerr != nil {
		out.Gaps = append(out.Gaps, Gap{What: "what earlier runs have left unfinished", Err: lerr, Text: lerr.Error()})
	}
	out.Unfinished = left
	return out, err
}

func everything(*Facts) bool { return true }

// survey looks at the host, and closely at the LUs that wanted chooses.
func (s *Sweeper) survey(ctx context.Context, wanted func(*Facts) bool) (*Survey, error) {
	s.tell(Event{Kind: EventLook})
	return s.examine(ctx, wanted, false)
}

// examine is survey, with a closer look from the start where the LUs are known to
// be dead, and without waiting for fleeting users: one LU's would hold up the rest.
func (s *Sweeper) examine(ctx context.Context, wanted func(*Facts) bool, closer bool) (*Survey, error) {
	sc, err := s.sys.look(ctx)
	if err != nil {
		return nil, err
	}
	out := &Survey{Time: s.opt.now(), Backend: s.sys.Daemon.Backend()}
	if c, ok := s.sys.Daemon.(interface{ Chosen() (string, []string) }); ok {
		_, out.PassedOver = c.Chosen()
	}
	if err := s.place(ctx, out); err != nil {
		return nil, err
	}
	if err := s.nodes(ctx, sc); err != nil {
		return nil, err
	}
	lus := sc.group()
	s.closely(ctx, sc, lus, wanted, closer)
	for _, f := range lus {
		if wanted(f) {
			out.Devices = append(out.Devices, s.judged(*f))
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out.Gaps, out.StaleHolders = sc.gaps, sc.staleHolders()
	return out, out.denied()
}

// nodes fails where not one disk has its node under the root, as in a container
// without the host's /dev: no LU could be asked anything.
func (s *Sweeper) nodes(ctx context.Context, sc *scene) error {
	var missing error
	for _, d := range sc.devices {
		if s.sys.hasNode == nil || d.Block == "" {
			continue
		}
		if missing = s.sys.hasNode(ctx, d.Block); missing == nil {
			return nil
		}
	}
	return opError("open the host's disks", "", missing)
}

// place fills in which host and which boot of it this is.
func (s *Sweeper) place(ctx context.Context, out *Survey) (err error) {
	if out.Host, err = s.sys.FS.Hostname(ctx); err != nil {
		return opError("read the host's name", "", err)
	}
	if out.BootID, err = s.sys.FS.BootID(ctx); err != nil {
		return opError("read the boot id", "", err)
	}
	return nil
}

// closely asks, for each wanted LU and side by side, its paths, its owner and
// its users, and reads it. Of the other LUs on the same targets a few are asked,
// and only where their target's inventory is needed.
func (s *Sweeper) closely(ctx context.Context, sc *scene, lus []*Facts, wanted func(*Facts) bool, closer bool) {
	s.transports(ctx, sc, lus, wanted)
	quick := s.askAll(ctx, sc, lus, wanted)
	if sc.closed.n > 0 {
		sc.gap("what answers on "+plural(sc.closed.n, "disk", "disks"), sc.closed.why)
	}
	s.witnesses(ctx, sc, lus, wanted)
	answered := time.Now()
	s.inventories(ctx, lus)
	hung := s.hung()
	s.each(lus, wanted, func(f *Facts) {
		s.read(ctx, f, hung)
		s.claim(ctx, f)
	})
	if closer && time.Since(answered) > fresh {
		s.askAnew(ctx, sc, lus, quick)
	}
	s.census(ctx, sc, lus, wanted, closer)
}

// askAll asks the wanted LUs, and returns which of them took no longer than a look is
// fresh.
func (s *Sweeper) askAll(ctx context.Context, sc *scene, lus []*Facts, wanted func(*Facts) bool) (quick func(*Facts) bool) {
	var mu sync.Mutex
	took := map[*Facts]time.Duration{}
	s.each(lus, wanted, func(f *Facts) {
		begun := time.Now()
		s.ask(ctx, sc, f)
		mu.Lock()
		defer mu.Unlock()
		took[f] = time.Since(begun)
	})
	return func(f *Facts) bool { d, asked := took[f]; return asked && d <= fresh }
}

// askAnew asks those LUs once more that are quick to answer: they may have come back
// while another one was read, or its owner asked, which took long.
func (s *Sweeper) askAnew(ctx context.Context, sc *scene, lus []*Facts, quick func(*Facts) bool) {
	s.each(lus, quick, func(f *Facts) {
		for i := range f.Paths {
			f.Paths[i].forget()
			s.restate(ctx, &f.Paths[i])
		}
		s.ask(ctx, sc, f)
	})
	s.inventories(ctx, lus)
}

// restate reads again what decides whether a path can be asked.
func (s *Sweeper) restate(ctx context.Context, p *Path) {
	if d, err := s.sys.FS.SCSIDevice(ctx, p.HCTL); err == nil && d.Block == p.Dev {
		p.State = d.State
	}
	if t, err := s.sys.FS.Transport(ctx, p.HCTL); err == nil {
		p.over(t)
	}
}

// How often, and after which pause, it is looked again whether a use was fleeting.
const (
	fleetingTries = 5
	fleetingPause = 200 * time.Millisecond
)

// census finds the host's own LUs, and the users of each wanted LU, after everything else is known of
// it, because the asking takes time in which somebody might come to use it. Where
// a dead LU seems to be used by mere readers, it looks again a few times: udev
// reads a device for a moment whenever it changes, as dying ones do.
func (s *Sweeper) census(ctx context.Context, sc *scene, lus []*Facts, wanted func(*Facts) bool, closer bool) {
	looked := slices.DeleteFunc(slices.Clone(lus), func(f *Facts) bool { return !wanted(f) })
	for try := 0; ; try++ {
		known := len(sc.gaps)
		sc.readUsers(ctx, s.sys, closer)
		if sc.readTables(ctx, s.sys); try > 0 {
			sc.gaps = sc.gaps[:known] // told before
		}
		sc.refresh(ctx, s.sys.FS, looked)
		s.protect(sc, lus)
		if disks, dying := s.dying(lus, wanted); dying {
			sc.lookCloser(ctx, s.sys, disks)
		}
		again := false
		for _, f := range looked {
			sc.users(f)
			again = again || s.onlyFleeting(f)
		}
		if closer || !again || try == fleetingTries || s.pause(ctx, fleetingPause) != nil {
			return
		}
	}
}

// dying reports whether any wanted LU seems to be dead, and lists the disks of
// such LUs that are not in its map: those that somebody holds could not get there.
func (s *Sweeper) dying(lus []*Facts, wanted func(*Facts) bool) (disks []string, any bool) {
	for _, f := range lus {
		if !wanted(f) || Judge(*f, s.opt.rule).Proof == notADeath {
			continue
		}
		any = true
		for _, p := range f.Paths {
			if p.Dev != "" && (f.Map == nil || !p.InMap && p.Answer != Alive) {
				disks = append(disks, p.Dev)
			}
		}
	}
	return disks, any
}

// onlyFleeting reports whether nothing but uses that may be over in a moment
// keep a dead LU from being unused.
func (s *Sweeper) onlyFleeting(f *Facts) bool {
	return len(f.InUse) > 0 && !slices.ContainsFunc(f.InUse, func(u Use) bool { return !u.fleeting() }) &&
		Judge(*f, s.opt.rule).Proof != notADeath
}

// hung lists the disks on which a command has not come back.
func (s *Sweeper) hung() map[string]bool {
	hung := map[string]bool{}
	if s.sys.disks != nil {
		for _, c := range s.sys.disks.Stuck() {
			hung[path.Base(c.Path)] = true
		}
	}
	return hung
}

// read reads the LU's first MiB: from the map, from a path of it where the map
// queues, or from the disk without one. It does not where commands to the LU have
// just not come back: a read would only hang as well, for one more time-out.
func (s *Sweeper) read(ctx context.Context, f *Facts, hung map[string]bool) {
	t, why := readTarget(f)
	if i := slices.IndexFunc(f.Paths, func(p Path) bool { return hung[p.Dev] }); i >= 0 && why == "" &&
		!anyAnswer(*f, Alive) && !anyAnswer(*f, Present) && !anyAnswer(*f, Gone) {
		why = "a read would wait: a command to " + f.Paths[i].Dev + " has not come back"
	}
	if why != "" {
		f.Read, f.Evidence.ReadReason = blockprobe.Skipped, why
		return
	}
	t.Node = s.sys.FS.Path("dev", t.Node)
	r := s.sys.Reader.Probe(ctx, t)
	f.Read, f.Evidence.ReadReason = r.Outcome, r.Reason
	if r.Err != nil {
		f.Evidence.ReadError = r.Err.Error()
	}
}

// readTarget says what to read, or why nothing is to be read.
func readTarget(f *Facts) (blockprobe.Target, string) {
	switch {
	case f.Map == nil && len(f.Paths) == 0:
		return blockprobe.Target{}, "there is nothing to read"
	case f.Map == nil && (f.Paths[0].Dev == "" || settling(f.Paths[0].State)):
		return blockprobe.Target{}, "a read would wait: its state is " + f.Paths[0].State
	case f.Map == nil:
		return f.Paths[0].target(), ""
	case f.Map.Suspended:
		return blockprobe.Target{}, "a read would wait: the map is suspended"
	case len(f.Paths) > 0 && everyPath(*f, func(p Path) bool { return settling(p.State) }):
		return blockprobe.Target{}, "a read would wait: every path is " + f.Paths[0].State
	case len(f.Paths) == 0 && !f.Map.Queueing:
		return blockprobe.Target{}, "the map has no path to read by"
	case (f.Map.Queueing || untold(f)) && usable(f) > 0:
		return carrier(f)
	case untold(f):
		return blockprobe.Target{}, "a read might wait for ever: neither device-mapper nor multipathd says whether the map queues"
	}
	return blockprobe.Target{
		Node: f.Map.DM, Key: f.Map.Devt.String() + " " + f.Map.UUID,
		Queueing: f.Map.Queueing, Usable: usable(f),
	}, ""
}

// untold reports whether nobody has told about the map, as where the right to ask
// device-mapper is missing and multipathd cannot be reached: it may queue.
func untold(f *Facts) bool {
	return f.Map.OpenCount < 0 && everyPath(*f, func(p Path) bool { return p.DMState == "undef" })
}

// carrier is the path to read a LU by whose map may queue and has paths that work.
// The map itself could lose them all while it is read, and the read would then
// wait for as long as it queues, and this process with it. What a path waits
// for, the SCSI layer ends.
func carrier(f *Facts) (blockprobe.Target, string) {
	for _, p := range f.Paths {
		if p.InMap && p.DMState != "failed" && p.Answer == Alive && p.Dev != "" {
			return p.target(), ""
		}
	}
	return blockprobe.Target{}, "a read would wait if it failed: the map may queue, and no path answers"
}

// target is the path's disk, to be read.
func (p *Path) target() blockprobe.Target {
	return blockprobe.Target{Node: p.Dev, Key: fmt.Sprintf("%s#%d", p.Devt, p.DiskSeq), Usable: -1}
}

// claim asks the owner, who counts as one who does not know once he is late.
func (s *Sweeper) claim(ctx context.Context, f *Facts) {
	c, err := s.askOwner(ctx, subject(f))
	if err != nil {
		f.Evidence.ClaimError = err.Error()
	}
	f.Owner, f.Evidence.Claim = c.Owner, c
	for i := range f.Paths {
		if p := &f.Paths[i]; p.Foreign != "" {
			c, _ := s.askOwner(ctx, Subject{WWID: p.Foreign, Vendor: p.Vendor, Product: p.Product, Paths: []string{p.HCTL.String()}})
			p.ForeignOwner = c.Owner
		}
	}
}

// subject is what the owner is asked about.
func subject(f *Facts) Subject {
	sub := Subject{WWID: f.WWID, Aliases: f.Names}
	if f.Map != nil {
		sub.Name = f.Map.Name
	}
	for _, p := range f.Paths {
		sub.Paths = append(sub.Paths, p.HCTL.String())
		sub.Vendor, sub.Product = or(sub.Vendor, p.Vendor), or(sub.Product, p.Product)
	}
	return sub
}

// askOwner asks the owner of one LU. An error claims nothing.
func (s *Sweeper) askOwner(ctx context.Context, sub Subject) (Claim, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opt.ownerTimeout)
	defer cancel()
	c, err := park.Do(ctx, s.owners, sub.WWID, func() (Claim, error) { return s.opt.owner(ctx, sub) })
	if late := ctx.Err(); err == nil && late != nil { // it may be what one says who was cut short
		err = errors.WithStack(&TimeoutError{What: "the answer", Err: late})
	}
	if err != nil {
		return Claim{}, err
	}
	return c, nil
}

// judged is f with its verdict, and whether both keys hold.
func (s *Sweeper) judged(f Facts) Device {
	f.Evidence.Looks = 1
	j := Judge(f, s.opt.rule)
	d := Device{Facts: f, Judgement: j}
	d.Removable = f.Protected == "" && j.Verdict.Actionable() && ours(f) && len(usersOf(d)) == 0
	if j.Verdict.Actionable() && !ours(f) && f.Evidence.ClaimError == "" {
		d.Reasons = append(d.Reasons, ownerWords(f))
	}
	return d
}

// denied is the error that says that rights were missing, nil where none were.
func (s *Survey) denied() error {
	for _, g := range s.Gaps {
		if notAllowed(g.Err) {
			return opError("see "+g.What, "", g.Err)
		}
	}
	return nil
}
