package remediate

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// A journal writes each step before and after as a line of JSON, so that after
// a crash it shows how far the work had come.
type journal struct {
	mu sync.Mutex
	w  io.Writer
}

// WithJournal records every step in w before and after it, one JSON object a
// line, the fields of [Event]. Where w has a Sync method (a file), it is called
// after each line. A step whose line cannot be written is not done.
func WithJournal(w io.Writer) Option { return func(o *options) { o.journal = &journal{w: w} } }

// write records e; a nil journal records nothing.
func (j *journal) write(e Event) error {
	if j == nil {
		return nil
	}
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
