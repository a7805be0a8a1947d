package remediate

import (
	"encoding/json"
	"time"

	"github.com/pkg/errors"
)

// An Outcome is how it ended for one LU.
type Outcome string

// The outcomes.
const (
	Removed Outcome = "removed" // proven gone
	Absent  Outcome = "absent"  // was gone already
	Refused Outcome = "refused" // nothing was changed
	Failed  Outcome = "failed"  // something was tried; the reason says what is left
	Stuck   Outcome = "stuck"   // a step has not come back
)

// A Report says what happened to each LU of a plan.
type Report struct {
	PlanID  string    `json:"plan"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Results []Result  `json:"results"`
	// Recovered is what was put right first, of runs that had been killed.
	Recovered []Recovery `json:"recovered,omitempty"`
}

// A Result is what happened to one LU.
type Result struct {
	WWID    string       `json:"wwid"`
	Outcome Outcome      `json:"outcome"`
	Reason  string       `json:"reason"` // one sentence
	Steps   []StepResult `json:"steps"`
	Err     error        `json:"-"` // typed, for errors.Is and errors.As; nil when gone
}

// A StepResult is how one step ended: "done", "skipped", "failed" or "stuck".
type StepResult struct {
	Action  Action
	Target  string
	Outcome string
	Err     error
	Took    time.Duration
}

// MarshalJSON writes the error as its text, null without one, and the time in
// milliseconds.
func (r StepResult) MarshalJSON() ([]byte, error) {
	var text *string
	if r.Err != nil {
		s := r.Err.Error()
		text = &s
	}
	return json.Marshal(struct {
		Action  Action  `json:"action"`
		Target  string  `json:"target"`
		Outcome string  `json:"outcome"`
		Error   *string `json:"error"`
		TookMS  int64   `json:"took_ms"`
	}{r.Action, r.Target, r.Outcome, text, r.Took.Milliseconds()})
}

// Left lists the results of LUs that are still there, or may be.
func (r *Report) Left() []Result {
	var out []Result
	for _, x := range r.Results {
		if x.Outcome != Removed && x.Outcome != Absent {
			out = append(out, x)
		}
	}
	return out
}

// Err joins the errors of all LUs that were left, nil when none was.
func (r *Report) Err() error {
	var errs []error
	for _, x := range r.Left() {
		errs = append(errs, errors.WithMessage(x.Err, x.WWID))
	}
	return join(errs)
}
