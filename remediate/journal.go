package remediate

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"time"

	"github.com/pkg/errors"

	"github.com/lunsweep/lunsweep/internal/park"
)

// A journal writes each step before and after as a line of JSON, so that after
// a crash it shows how far the work had come.
type journal struct {
	lot *park.Lot
	mu  sync.Mutex
	w   io.Writer
}

// WithJournal records every step in w before and after it, one JSON object a
// line, the fields of [Event]. Where w has a Sync method (a file), it is called
// after each line. A step whose line cannot be written is not done.
func WithJournal(w io.Writer) Option {
	return func(o *options) { o.journal = &journal{w: w, lot: park.New(0, nil)} }
}

// journalPatience is how long one line may take.
const journalPatience = 10 * time.Second

// write records e, and gives up with ctx where the journal's own file system
// hangs; a nil journal records nothing.
func (j *journal) write(ctx context.Context, e Event) error {
	if j == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, journalPatience)
	defer cancel()
	_, err := park.Do(ctx, j.lot, "journal", func() (struct{}, error) { return struct{}{}, j.writeNow(e) })
	return err
}

func (j *journal) writeNow(e Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = opError("write the journal", "", errors.Errorf("it panicked: %v", p))
		}
	}()
	e.Time = time.Now()
	if e.Err != nil {
		e.Error = e.Err.Error()
	}
	b, err := json.Marshal(e)
	if err != nil {
		return opError("write the journal", "", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.w.Write(append(b, '\n')); err != nil {
		return opError("write the journal", "", err)
	}
	if f, ok := j.w.(interface{ Sync() error }); ok {
		return opError("write the journal", "", f.Sync())
	}
	return nil
}
