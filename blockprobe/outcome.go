package blockprobe

import "github.com/pkg/errors"

// An Outcome is what came of a probe. Only [Unreadable] says that the kernel
// answered the read with an error of a device that is lost.
type Outcome uint8

const (
	Unknown    Outcome = iota // nothing was learnt: not started, or given up early
	Readable                  // data came back; whose data is another question
	Unreadable                // the kernel says that the device cannot be read
	Hung                      // no answer within the time-out; the read is still there
	Skipped                   // not read, because it would have hung
	Other                     // an error that says nothing on whether the LU is lost
)

// words are the Outcomes as text.
func words() [6]string {
	return [...]string{"unknown", "readable", "unreadable", "hung", "skipped", "other"}
}

// String is the Outcome's word.
func (o Outcome) String() string {
	if w := words(); int(o) < len(w) {
		return w[o]
	}
	return words()[Unknown]
}

// MarshalText is the Outcome's word.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText takes the Outcome's word; any other text is an error, and
// leaves Unknown.
func (o *Outcome) UnmarshalText(text []byte) error {
	*o = Unknown
	for i, w := range words() {
		if w == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return errors.Errorf("probe outcome %q: not one of %v", text, words())
}
