package remediate

import "time"

// An EventKind is what an [Event] tells of.
type EventKind string

// The kinds of event.
const (
	EventLook  EventKind = "look"  // a look at the host begins
	EventWait  EventKind = "wait"  // time passes on purpose
	EventBegin EventKind = "begin" // a step begins
	EventEnd   EventKind = "end"   // a step has ended
	EventDone  EventKind = "done"  // a LU is finished with
)

// An Event is one thing that happens while a [Sweeper] works: for progress, for
// an audit trail. Every change to the host lies between a begin and its end.
type Event struct {
	Time    time.Time     `json:"time"`
	Kind    EventKind     `json:"kind"`
	PlanID  string        `json:"plan,omitempty"`
	WWID    string        `json:"wwid,omitempty"`
	Action  Action        `json:"action,omitempty"`
	Target  string        `json:"target,omitempty"`
	Outcome string        `json:"outcome,omitempty"`
	Detail  string        `json:"detail,omitempty"`
	For     time.Duration `json:"for,omitempty"`
	Err     error         `json:"-"`
	Error   string        `json:"error,omitempty"`
}

// unfailing is an observer whose panics go unheard.
func unfailing(observe func(Event)) func(Event) {
	return func(e Event) {
		defer func() { _ = recover() }()
		observe(e)
	}
}

// tell stamps an event and hands it to the observer.
func (s *Sweeper) tell(e Event) {
	e.Time = s.opt.now()
	if e.Err != nil {
		e.Error = e.Err.Error()
	}
	s.opt.observe(e)
}
