package main

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/lunsweep/lunsweep/remediate"
)

// documentSchema is the version of the JSON form. Fields may be added to it.
const documentSchema = 1

// A document is everything that a command has to say: what -json prints, and
// what the texts are written from. Nothing is left away: what is unknown is
// null, and what there is none of is an empty list.
type document struct {
	Schema   int                      `json:"schema"`
	Command  string                   `json:"command"`
	Host     hostname                 `json:"host"`
	Time     time.Time                `json:"time"`
	Backend  *string                  `json:"backend"`               // how multipath was spoken to; null without a survey
	Passed   []string                 `json:"passed_over,omitempty"` // why not a better way
	Devices  []remediate.Device       `json:"devices"`               // of apply and verify: what is left
	Plan     *remediate.Plan          `json:"plan"`
	Results  []remediate.Result       `json:"results"`
	Verified []remediate.Verification `json:"verified"`
	Gaps     []remediate.Gap          `json:"gaps"` // what could not be seen
	Error    *string                  `json:"error"`

	StaleHolders []remediate.StaleHolder `json:"stale_holders,omitempty"` // what stands on disks that are gone

	Unfinished []remediate.Unfinished `json:"unfinished,omitempty"` // what killed runs have left to be put right
	Recovered  []remediate.Recovery   `json:"recovered,omitempty"`  // what of that was put right, or was not

	Stuck []remediate.StuckCall `json:"stuck,omitempty"` // what has not come back, and can keep sweep from ending

	looked    bool   // Devices are known, if only in part
	brief     bool   // one line will do
	applyWith string // the command line that executes the plan
}

// A hostname is a host's name, null where it is unknown.
type hostname string

// MarshalJSON writes the name, or null.
func (h hostname) MarshalJSON() ([]byte, error) {
	if h == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(h))
}

func newDocument(command string) *document {
	return &document{
		Schema: documentSchema, Command: command, Time: time.Now(),
		Devices: []remediate.Device{}, Results: []remediate.Result{}, Verified: []remediate.Verification{}, Gaps: []remediate.Gap{},
	}
}

// survey notes what a survey saw, residual devices first. Without a survey
// there is nothing to note.
func (d *document) survey(sv *remediate.Survey) {
	if sv == nil {
		return
	}
	d.looked = true
	d.Host, d.Time, d.Backend, d.Passed = hostname(sv.Host), sv.Time, &sv.Backend, sv.PassedOver
	d.Gaps = append([]remediate.Gap{}, sv.Gaps...)
	d.StaleHolders, d.Unfinished = sv.StaleHolders, sv.Unfinished
	d.Devices = append([]remediate.Device{}, sv.Devices...)
	for i := range d.Devices {
		fillIn(&d.Devices[i])
	}
	slices.SortStableFunc(d.Devices, func(a, b remediate.Device) int { return urgency(a) - urgency(b) })
}

// fillIn makes lists without entries lists.
func fillIn(d *remediate.Device) {
	if d.Paths == nil {
		d.Paths = []remediate.Path{}
	}
	if d.InUse == nil {
		d.InUse = []remediate.Use{}
	}
	if d.Blocked == nil {
		d.Blocked = []remediate.Use{}
	}
	if d.Reasons == nil {
		d.Reasons = []string{}
	}
}

// urgency orders devices by how much they want to be looked at.
func urgency(d remediate.Device) int {
	switch {
	case d.Verdict.Residual():
		return 0
	case d.Verdict != remediate.Healthy:
		return 1
	}
	return 2
}

// report notes what became of each LU of a plan.
func (d *document) report(r *remediate.Report) {
	d.Results = append(d.Results, r.Results...)
	d.Recovered = append(d.Recovered, r.Recovered...)
	// What was seen before is out of date.
	d.Devices, d.looked = []remediate.Device{}, false
}

// verified notes verifications, and says them again in the form of results.
func (d *document) verified(all []remediate.Verification) {
	for _, v := range all {
		d.Verified = append(d.Verified, v)
		d.Results = append(d.Results, asResult(v))
	}
}

// close notes the error that ended the command, if one did.
func (d *document) close(err error) {
	if err != nil {
		text := err.Error()
		d.Error = &text
	}
}

// residual counts the devices that ought to go.
func (d *document) residual() int {
	n := 0
	for _, x := range d.Devices {
		if x.Verdict.Residual() {
			n++
		}
	}
	return n
}

// left reports whether a LU that was to go is still there, or may be.
func (d *document) left() bool {
	r := remediate.Report{Results: d.Results}
	return len(r.Left()) > 0
}

// name is a LU in words: its WWID, and its map where that is known.
func (d *document) name(wwid string) string {
	for _, x := range d.Devices {
		if x.WWID == wwid && x.Map != nil {
			return wwid + " (map " + x.Map.Name + ", " + x.Map.DM + ")"
		}
	}
	if d.Plan == nil {
		return wwid
	}
	for _, t := range d.Plan.Targets {
		if t.WWID == wwid && t.Map != nil {
			return wwid + " (map " + t.Map.Name + ", " + t.Map.DM + ")"
		}
	}
	return wwid
}

// encode writes the document as one JSON object.
func (d *document) encode(p *page) error {
	e := json.NewEncoder(p.w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		return err
	}
	return p.flush()
}
