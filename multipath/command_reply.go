package multipath

import (
	"errors"
	"strings"
)

// daemonVerdict reads what the program multipathd leaves behind after an order.
// Its standard output is the daemon's reply.
func daemonVerdict(res RunResult) error {
	out, said := string(res.Stdout), string(res.Stderr)
	if res.Code == 0 {
		return verdict(out)
	}
	if strings.TrimSpace(out+said) == "" { // 0.8.5 to 0.9.x say nothing at all then
		return ErrNoDaemon
	}
	if isNothing(out) {
		return complaint(said)
	}
	if err := verdict(out); err != nil && !errors.Is(err, ErrRefused) {
		return err
	}
	return complaint(out + "\n" + said)
}

// gaveUp reports whether the program multipathd has sent an order and got no
// answer in its own time limit, which is uxsock_timeout and a tenth of a second:
// the order lies in the daemon's socket, or is being carried out. Up to 0.7.8 the
// exit status is 0 then, too.
//
//	timeout receiving packet
//	error -110 receiving packet
func gaveUp(res RunResult) bool {
	for _, said := range [][]byte{res.Stdout, res.Stderr} {
		first, _ := firstLine(string(said))
		if strings.HasSuffix(first, " receiving packet") && (strings.HasPrefix(first, "timeout") || strings.HasPrefix(first, "error ")) {
			return true
		}
	}
	return false
}

// programReason reads why multipath -f or -ll ended with another status than 0.
func programReason(res RunResult) error {
	return complaint(string(res.Stdout) + "\n" + string(res.Stderr))
}

// complaint recognises the words of a program that gave up, over all versions.
func complaint(said string) error {
	for _, c := range []struct {
		words string
		err   error
	}{
		{"need to be root", ErrPermission},
		{"permission den", ErrPermission},
		{"Permission denied", ErrPermission},
		{"map or partition in use", ErrInUse},
		{"map in use", ErrInUse},
		{"is in use", ErrInUse},
		{"is not a valid argument", ErrNoMap},
		{"is not a multipath device", ErrNoMap},
		{"device not found", ErrNoMap},
		{"Connection refused", ErrNoDaemon},
		{"ux_socket_connect", ErrNoDaemon},
		{"failed to connect to multipathd", ErrNoDaemon}, // 0.11
		{"timeout", ErrBusy},
	} {
		if strings.Contains(said, c.words) {
			return c.err
		}
	}
	return ErrRefused
}
