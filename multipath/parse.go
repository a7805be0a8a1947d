package multipath

import (
	"strings"

	"github.com/pkg/errors"
)

// Parse reads what multipath -l, -ll, -v2, -v4 -ll and multipathd show topology
// print, in the tree form (0.4.9 to 0.15) and in the bracket forms before it.
//
// Empty text is an empty topology: it is what multipath prints, with exit
// status 0, where there are no maps, and what multipathd up to 0.8.7 answers;
// "ok" is what later ones answer. The exit status is the caller's to check.
// Everything else that shows no map is an error, a *[ParseError] (which may be
// [ErrTruncated] or [ErrNoTopology]) or a *[ReplyError], and an error comes
// without a topology.
//
// What cannot be seen in the text is a cut between two maps, and in the bracket
// forms one between two paths: see [Topology.Unknowns].
func Parse(text []byte) (*Topology, error) { return parseString(string(text)) }

// parseString is [Parse] without the copy of the text that Parse makes so that
// the caller can use its bytes again. The clients of this package read with it
// what they have received.
func parseString(text string) (*Topology, error) {
	r := newTextReader(text)
	return r.read()
}

// ParseJSON reads what multipathd show maps json and show map NAME json answer
// (0.6.2 and later), alone. That there are no maps is {"maps":[]} there, and
// nothing else. The errors are those of [Parse].
func ParseJSON(b []byte) (*Topology, error) {
	r := jsonReader{text: string(b), line: 1, batch: newBatch(jsonPath)}
	return r.read()
}

// ParseAny reads either: JSON where the first thing that is no prompt and no log
// line is a brace, else text. Around JSON it lets whole lines of prompts and
// logs pass, which ParseJSON does not.
func ParseAny(b []byte) (*Topology, error) { return read(string(b)) }

func read(text string) (*Topology, error) {
	start, noise := preamble(text)
	if !strings.HasPrefix(text[start:], "{") {
		return parseString(text)
	}
	r := jsonReader{text: text[:start+ending(text[start:])], pos: start, line: 1 + strings.Count(text[:start], "\n"), batch: newBatch(jsonPath)}
	t, err := r.read()
	if err == nil {
		t.Noise = noise + lines(text[len(r.text):])
	}
	return t, err
}

// preamble returns where the text begins behind lines of prompts and logs, and
// how many of those there are.
func preamble(text string) (start, noise int) {
	for start < len(text) {
		line, _, _ := strings.Cut(text[start:], "\n")
		rest := unprompted(strings.TrimSpace(line))
		switch {
		case strings.HasPrefix(rest, "{"):
			return start + strings.IndexByte(line, '{'), noise
		case strings.TrimSpace(line) == "":
		case rest != strings.TrimSpace(line) || isLog(rest):
			noise++
		default:
			return start, noise
		}
		start = min(start+len(line)+1, len(text))
	}
	return start, noise
}

// ending returns the length of text without the lines of prompts and logs that
// close it.
func ending(text string) int {
	end := len(text)
	for {
		begin := 1 + strings.LastIndexByte(strings.TrimRight(text[:end], "\n"), '\n')
		line := strings.TrimSpace(text[begin:end])
		if begin == 0 || line != "" && line == unprompted(line) && !isLog(line) {
			return end
		}
		end = begin
	}
}

// lines counts the lines of text that are not blank.
func lines(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			n++
		}
	}
	return n
}

// refused is the one place where a ParseError is made.
func refused(line int, cause error, reason string) error {
	return errors.WithStack(&ParseError{Line: line, Reason: reason, Err: cause})
}
