package remediate

import (
	"context"
	"math"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/lockdir"
	"github.com/lunsweep/lunsweep/internal/park"
)

// A Sweeper surveys one host, plans, executes and verifies. It holds no state
// about LUs from one call to the next, but for reads that have not come back.
// It is safe for concurrent use, and beside others on the same host: a LU has one
// run at a time, see [WithLockDir].
type Sweeper struct {
	sys    *host
	calm   *host // the same, for those who wait until something has gone
	due    *dueLooks
	opt    options
	locks  *lockdir.Dir
	owners *park.Lot // owners that were asked and have not answered
}

type options struct {
	root         string
	backend      string
	owner        Owner
	rule         Rule
	dwell        time.Duration
	expiry       time.Duration
	probeTimeout time.Duration
	ownerTimeout time.Duration
	maxDead      float64
	protected    []string
	parallel     int
	silentPaths  bool
	lockDir      string
	observe      func(Event)
	journal      *journal
	system       *System
	now          func() time.Time
}

// An Option changes how a [Sweeper] works. Without any, it surveys this host
// and owns nothing, so that it would never remove anything.
type Option func(*options)

// WithRoot says where the host's file system is mounted: "/" unless told, in a
// container often "/host".
func WithRoot(dir string) Option { return func(o *options) { o.root = dir } }

// WithBackend chooses how multipathd is spoken to: "auto" (unless told),
// "socket", "command" or "dm".
func WithBackend(name string) Option { return func(o *options) { o.backend = name } }

// WithOwner says whom to ask whose a LU is. Without it nobody knows, and
// nothing is removable.
func WithOwner(ask Owner) Option { return func(o *options) { o.owner = ask } }

// WithRunbook accepts the operator's rule as proof of death: see [Rule].
func WithRunbook() Option { return func(o *options) { o.rule.Runbook = true } }

// WithOwnerTimeout bounds one question to the owner: 10 s unless told. One who is
// late has not said that the LU is his, and it stays.
func WithOwnerTimeout(d time.Duration) Option { return func(o *options) { o.ownerTimeout = d } }

// WithDwell says how long evidence must hold between the two looks that
// [Sweeper.Plan] takes: 10 s unless told. 0 takes both looks at once. Meanwhile the paths
// by whose word a LU is lost are asked each second, and one that answers has the LU stay.
func WithDwell(d time.Duration) Option { return func(o *options) { o.dwell = d } }

// WithExpiry says how long a plan may be executed: 15 minutes unless told.
func WithExpiry(d time.Duration) Option { return func(o *options) { o.expiry = d } }

// WithProbeTimeout bounds one direct read and one SCSI command: 5 s unless told.
func WithProbeTimeout(d time.Duration) Option { return func(o *options) { o.probeTimeout = d } }

// WithMaxDead sets the circuit breaker: when more than this share (0 to 1, and
// [New] refuses any other) of the maps looks dead at once, or of all LUs, disks
// without a map included, or of those that are reached by iSCSI or Fibre Channel,
// nothing is planned or executed. 0.5 unless told.
func WithMaxDead(share float64) Option { return func(o *options) { o.maxDead = share } }

// WithProtected names LUs that must never be removed, whatever else is found or
// said of them, in addition to the host's own: what carries /, /boot, /usr, /var
// and the like, or swap, and what the host was booted from, are protected without
// being named. A name is one in a form of [scsi.ParseName], whichever of the LU's
// names its map goes by, or the WWID as multipath prints it; the alias of a map is
// none. It may be given several times.
func WithProtected(wwids ...string) Option {
	return func(o *options) {
		for _, w := range wwids {
			o.protected = append(o.protected, writings(w)...)
		}
	}
}

// WithParallel says how many LUs are worked on side by side. Unless told, or for
// 0, it is 32 for each SCSI host that the plan's paths go through, at least 8 and
// at most 64.
// Whatever it is, multipathd is given at most two flushes at once, and each SCSI
// host four deletes; LUs that only wait until multipathd and udev have heard of the
// end of their disks do not count.
func WithParallel(n int) Option { return func(o *options) { o.parallel = n } }

// WithLockDir says where the locks of the LUs are, and the notes of what must be
// put right where a run is killed: /run/lunsweep of the host unless told, which
// is made if /run is there. All who work on a host must use the same one, on a
// local file system; after a reboot it may be empty. It must belong to this
// process's user, and nobody else may write to it. Where it cannot be used
// (missing, read-only), nothing is changed on the host.
func WithLockDir(dir string) Option { return func(o *options) { o.lockDir = dir } }

// WithObserver hears of every look, step and wait as it happens. It is called
// from several goroutines at once and must not block. A panic of its own goes
// unheard: the work must not be left half done for it.
func WithObserver(f func(Event)) Option { return func(o *options) { o.observe = f } }

// WithSystem puts the Sweeper on another system than this host.
func WithSystem(s System) Option { return func(o *options) { o.system = &s } }

// New returns a Sweeper. It opens nothing but the root's directories, and needs
// no privilege yet.
func New(opts ...Option) (*Sweeper, error) {
	o := options{
		root: "/", backend: "auto", dwell: 10 * time.Second, expiry: 15 * time.Minute,
		probeTimeout: 5 * time.Second, ownerTimeout: 10 * time.Second, maxDead: 0.5, now: time.Now,
		observe: func(Event) {},
		owner:   func(context.Context, Subject) (Claim, error) { return Claim{Source: "nobody was named"}, nil },
	}
	safe := o
	for _, opt := range opts {
		opt(&o)
	}
	if o.owner == nil {
		o.owner = safe.owner
	}
	if o.observe == nil {
		o.observe = safe.observe
	}
	o.owner, o.observe = o.owner.guarded(), unfailing(o.observe)
	if share := o.maxDead; math.IsNaN(share) || share < 0 || share > 1 {
		return nil, errors.Errorf("the share of maps that may look dead is from 0 to 1, not %v", share)
	}
	if o.system != nil && !o.system.complete() {
		return nil, errors.New("the system given lacks a part: every field of System is required")
	}
	if o.system == nil {
		sys, err := OpenSystem(o.root, o.backend, o.probeTimeout)
		if err != nil {
			return nil, err
		}
		o.system = &sys
	}
	sys := newHost(*o.system)
	return &Sweeper{
		sys: sys, calm: sys.unhurried(), opt: o, owners: park.New(0, nil),
		locks: lockdir.New(or(o.lockDir, o.system.FS.Path("run", "lunsweep"))),
	}, nil
}
