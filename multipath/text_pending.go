package multipath

import (
	"strings"

	"github.com/pkg/errors"
)

// pending is a line that is a header if properties follow it, else noise.
type pending struct {
	line string
	no   int
	at   int // offset of the text behind it
}

// propose remembers a line that may be a header. Some documents print header
// and properties on one line: then both are read at once.
func (r *textReader) propose(line string) error {
	if at := inlineProperties(line); at > 0 {
		r.pending = pending{line: strings.TrimSpace(line[:at]), no: r.line, at: r.pos}
		if done, err := r.properties(line[at:]); done {
			return err
		}
	}
	if err := r.torn(line); err != nil {
		return err
	}
	r.pending = pending{line: line, no: r.line, at: r.pos}
	return nil
}

// inlineProperties returns where in a header line the properties begin; or 0.
func inlineProperties(line string) int {
	at := strings.Index(line, "size=")
	if at <= 1 || !strings.Contains(line[at:], "hwhandler=") {
		return 0
	}
	if line[at-1] == '[' {
		at--
	}
	return at
}

// retire gives the pending line up as noise: no properties followed it.
func (r *textReader) retire() error {
	p := r.pending
	if p.line == "" {
		return nil
	}
	r.pending = pending{}
	r.noise++
	if p.isHeader() || p.isBareAlias() {
		return refused(p.no, r.cause(), "the header of a map is not followed by its properties")
	}
	if isTorn(p.line) {
		return refused(p.no, nil, "a message was printed into a line")
	}
	if r.open.m != nil && r.open.doubt == 0 {
		r.open.doubt = p.no
	}
	return r.hear(p)
}

// cause is what a line proves that makes no sense: if it is the last and has no
// end, the text is cut off.
func (r *textReader) cause() error {
	if r.cut {
		return ErrTruncated
	}
	return nil
}

// hear looks for what the daemon or the program says instead of a topology.
func (r *textReader) hear(p pending) error {
	if p.line == "ok" {
		r.denied = true
		return nil
	}
	if replyCause(p.line) != nil {
		rest := plain(r.text[p.at:])
		return withStack(&ReplyError{Reply: oneLine(p.line + "\n" + rest), Err: failure(p.line, rest)})
	}
	if isDeath(p.line) && len(r.batch.maps) > 0 {
		return refused(p.no, ErrTruncated, p.line)
	}
	return nil
}

// isHeader reports whether the line can hardly be anything but a header, so
// that properties behind it are missed.
func (p pending) isHeader() bool {
	_, ok := parseHeader(p.line)
	return ok
}

// isBare reports whether the line looks like what versions before 0.4.8 print
// as a header. Of a WWID alone that says something only at the end of the text.
func (p pending) isBare() bool {
	return p.isBareAlias() || (len(p.line) == 33 || len(p.line) == 17) && isHex(p.line)
}

// isBareAlias is [pending.isBare] for "alias (wwid)".
func (p pending) isBareAlias() bool {
	name, wwid, ok := strings.Cut(p.line, " (")
	return ok && strings.HasSuffix(wwid, ")") && len(wwid) >= 10 && !strings.Contains(name, " ") && !strings.Contains(wwid, " ")
}

func withStack(err error) error { return errors.WithStack(err) }
