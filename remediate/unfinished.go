package remediate

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/lockdir"
)

// unfinishedSchema is the version of the JSON form.
const unfinishedSchema = 1

// An Unfinished is what a run notes before it does what must not stay as it is,
// and takes back when that is put right: where it is found, the run was killed.
// It allows nothing but putting right what it names.
type Unfinished struct {
	Schema int       `json:"schema"`
	WWID   string    `json:"wwid"`
	Names  []string  `json:"names,omitempty"` // every WWID that the LU goes by
	PlanID string    `json:"plan"`
	BootID string    `json:"boot_id"`
	By     string    `json:"by"` // "sweep (pid 417)"
	Since  time.Time `json:"since"`
	// Map may be suspended, and, where it is marked as queueing, does not
	// queue any more although it did. Nil where no map was touched.
	Map *MapPin `json:"map,omitempty"`
	// Offline lists the paths that were switched off.
	Offline []PathPin `json:"offline,omitempty"`
	// Pending says that the flush of the map had not come back: it may be carried out
	// yet, and leave the map suspended.
	Pending      bool      `json:"pending,omitempty"`
	PendingSince time.Time `json:"pending_since,omitzero"` // when it was ordered
}

// pendingFor is how long after it a flush that has not come back is reckoned with:
// multipathd does one order after the other, however late.
const pendingFor = 10 * time.Minute

func (u Unfinished) String() string {
	var what []string
	if u.Map != nil && u.Map.Queueing {
		what = append(what, "queueing of map "+u.Map.Name+" switched off")
	}
	switch {
	case u.Map != nil && u.Pending:
		what = append(what, "the flush of map "+u.Map.Name+", which may be carried out yet")
	case u.Map != nil:
		what = append(what, "map "+u.Map.Name+" about to be flushed")
	}
	for _, p := range u.Offline {
		what = append(what, or(p.Dev, p.HCTL.String())+" switched off")
	}
	return fmt.Sprintf("%s left %s unfinished at %s: %s", u.By, u.WWID, u.Since.UTC().Format(time.RFC3339), strings.Join(what, ", "))
}

// readUnfinished reads a note. One that cannot be understood is left to people.
func readUnfinished(n lockdir.Note) (Unfinished, error) {
	u, err := parseUnfinished(n.Text)
	err = errors.WithMessage(err, "a map may be left that does not queue any more, or a path that is offline: see to it, and remove the file")
	return u, opError("understand what a killed run has left in", n.File, err)
}

// parseUnfinished reads a note's text. One that names nothing that could be put
// right is an error: it was not written here.
func parseUnfinished(b []byte) (Unfinished, error) {
	var u Unfinished
	if err := json.Unmarshal(b, &u); err != nil {
		return u, err
	}
	if u.Schema != unfinishedSchema || u.WWID == "" || u.BootID == "" || u.Map == nil && len(u.Offline) == 0 {
		return u, errors.Errorf("it is no note of schema %d that names a LU and what to put right", unfinishedSchema)
	}
	return u, nil
}

// notesPatience is how long the notes of earlier runs may take to read.
const notesPatience = 5 * time.Second

// unfinished lists what runs of this boot have left that nobody is working on,
// and why other notes cannot be understood.
func (s *Sweeper) unfinished(ctx context.Context, bootID string) (out []Unfinished, bad []error, err error) {
	ctx, cancel := context.WithTimeout(ctx, notesPatience)
	defer cancel()
	notes, err := s.locks.Notes(ctx)
	if err != nil {
		return nil, nil, opError("read what earlier runs have left", "", err)
	}
	for _, n := range notes {
		u, err := readUnfinished(n)
		switch {
		case err != nil:
			bad = append(bad, err)
		case u.BootID == bootID:
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b Unfinished) int { return strings.Compare(a.WWID, b.WWID) })
	return out, bad, nil
}

// noteMap makes sure that it is on record that the target's map is to be put
// right, before anything is done to it; queueing says that it queued.
func (r *run) noteMap(ctx context.Context, queueing bool) error {
	if r.note.Map != nil && (r.note.Map.Queueing || !queueing) {
		return nil
	}
	m := *r.t.Map
	m.Queueing = queueing
	r.note.Map = &m
	return r.writeNote(ctx)
}

// noteFlush puts on record that a flush is about to be ordered.
func (r *run) noteFlush(ctx context.Context, queueing bool) error {
	if r.note.Map == nil || queueing && !r.note.Map.Queueing {
		m := *r.t.Map
		m.Queueing = queueing
		r.note.Map = &m
	}
	r.note.Pending, r.note.PendingSince = true, r.s.opt.now()
	return r.writeNote(ctx)
}

// noteOff does the same for paths that are about to be switched off.
func (r *run) noteOff(ctx context.Context, paths []PathPin) error {
	fresh := slices.DeleteFunc(paths, func(p PathPin) bool { return slices.Contains(r.note.Offline, p) })
	if len(fresh) == 0 {
		return nil
	}
	r.note.Offline = append(r.note.Offline, fresh...)
	return r.writeNote(ctx)
}

func (r *run) writeNote(ctx context.Context) error {
	n := &r.note
	n.Schema, n.WWID, n.PlanID, n.BootID = unfinishedSchema, r.t.WWID, r.plan.ID, r.plan.BootID
	n.By, n.Since = r.s.signature(ctx), r.s.opt.now()
	b, err := json.Marshal(n)
	if err != nil {
		return opError("note", r.t.WWID, err)
	}
	return opError("note", r.t.WWID, r.notes.SetNote(ctx, b))
}
