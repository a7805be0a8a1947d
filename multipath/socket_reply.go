package multipath

import (
	"strings"

	"github.com/pkg/errors"
)

// verdict reads multipathd's answer to an order (not the data that a question
// is answered with) and returns what it says as one of this package's errors.
//
//	ok\n                                done
//	delayed\n                           del path: done as soon as the map can be reloaded
//	map reload error. removed\n         del path: the daemon has forgotten it
//	fail\n                              up to 0.9.7 for every reason
//	fail\ntimeout\n         timeout\n   not taken up within uxsock_timeout (right: before 0.9.8)
//	fail\nmap or partition in use\n     0.9.8
//	fail\ndevice not found\n            0.9.8
//	[fail\n]permission deny: need to be root[\n]
//	multipath-tools v0.9.4 … CLI commands reference: …    order unknown
func verdict(reply string) error {
	first, rest := firstLine(reply)
	switch first {
	case "ok", "", "delayed", "map reload error. removed":
		return nil
	case "fail":
		if rest == "" {
			return ErrRefused
		}
		return reason(rest)
	}
	return reason(reply)
}

// reason names what the daemon says beside, or instead of, "fail".
func reason(said string) error {
	first, _ := firstLine(said)
	switch {
	case first == "timeout":
		return ErrBusy
	case first == "map or partition in use":
		return ErrInUse
	case first == "device not found":
		return ErrNoMap
	case strings.HasPrefix(first, "permission deny"):
		return ErrPermission
	case isHelp(said):
		return ErrUnsupported
	}
	return ErrRefused
}

// trouble is [verdict] for a question: it is nil where the reply is not one of
// the daemon's errors, so that it can be the data.
func trouble(reply string) error {
	first, rest := firstLine(reply)
	switch {
	case first == "fail" && rest == "":
		return ErrRefused
	case first == "fail":
		return reason(rest)
	case first == "timeout" && rest == "", strings.HasPrefix(first, "permission deny"), isHelp(reply):
		return reason(reply)
	}
	return nil
}

// isNothing reports whether the reply to a question says that there is nothing
// to tell: "ok" since 0.8.8, no text at all before.
func isNothing(reply string) bool {
	first, rest := firstLine(reply)
	return rest == "" && (first == "ok" || first == "")
}

// isHelp recognises the list of commands that answers an unknown one.
func isHelp(reply string) bool {
	head := reply[:min(len(reply), 400)]
	return strings.Contains(head, "CLI commands reference")
}

func firstLine(s string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimSpace(strings.Trim(s, "\x00")), "\n")
	return strings.TrimSpace(first), strings.TrimSpace(rest)
}

// topologyOf reads the answer to show topology.
func topologyOf(reply string) (*Topology, error) {
	if err := trouble(reply); err != nil {
		return nil, errors.WithStack(err)
	}
	if isNothing(reply) {
		return &Topology{}, nil
	}
	return read(reply)
}
