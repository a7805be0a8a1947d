package multipath

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pkg/errors"
)

// What stands for an argument in the list of orders.
const (
	aName = "<map>"
	aDev  = "<dev>"
)

// pathsFormat asks for one path per line: name, H:C:T:L, map, WWID, parted by
// tabs. "%c" is not in it: on an orphan it cut the reply off in 0.8.7 to 0.9.x.
const pathsFormat = "%d\t%i\t%m\t%w"

// daemonOrders are all that multipathd is ever told, over its socket or by
// the program of that name.
func daemonOrders() [][]string {
	return [][]string{
		{"show", "daemon"},
		{"show", "topology"},
		{"show", "maps", "raw", "format", "%n"},
		{"show", "paths", "raw", "format", pathsFormat},
		{"disablequeueing", "map", aName},
		{"restorequeueing", "map", aName},
		{"del", "map", aName},
		{"del", "path", aDev},
	}
}

// programOrders are all other programs that are ever started. -v2 overrides a
// verbosity in multipath.conf that would leave the topology out.
func programOrders() [][]string {
	return [][]string{
		{"multipath", "-v2", "-ll"},
		{"multipath", "-v2", "-f", aName},
	}
}

// guard passes an order to multipathd, or refuses it with [ErrForbidden] or a
// *[NameError]. Everything that this package sends or starts goes through it or
// through guardProgram, so that what is not in the lists above (multipath -F,
// -W, -r, reconfigure, del maps, …) cannot be sent.
func guard(order []string) error { return match(daemonOrders(), order) }

// guardProgram is guard for a program and its arguments.
func guardProgram(argv []string) error { return match(programOrders(), argv) }

func match(forms [][]string, order []string) error {
	for _, form := range forms {
		if args, ok := fits(form, order); ok {
			return args
		}
	}
	return errors.WithStack(&CommandError{Backend: "guard", Argv: order, Err: ErrForbidden})
}

// fits reports whether order has this form; if so, err is what is wrong with
// its arguments.
func fits(form, order []string) (err error, ok bool) {
	if len(form) != len(order) {
		return nil, false
	}
	for i, word := range form {
		switch word {
		case aName:
			err = checkName(order[i])
		case aDev:
			err = checkDev(order[i])
		case order[i]:
		default:
			return nil, false
		}
	}
	return err, true
}

// checkName passes the names that a map can be told by, beyond doubt, in every
// version. What multipathd's own grammar cannot carry is refused, and so is
// what multipath would take for a device node or an option.
func checkName(name string) error {
	const longest = 127 // DM_NAME_LEN less its NUL
	switch {
	case name == "":
		return badName(name, "is empty")
	case len(name) > longest:
		return badName(name, "is longer than device-mapper allows")
	case name[0] == '-':
		return badName(name, "would be taken for an option")
	case strings.ContainsAny(name, `"'/`+"`\\"):
		return badName(name, "holds a quote, a slash or a backslash")
	case meansDevice(name):
		return badName(name, "would be taken for a device number")
	case strings.TrimSpace(name) != name:
		return badName(name, "begins or ends with a space")
	case !printable(name):
		return badName(name, "holds a character that is not printable ASCII")
	}
	return nil
}

// meansDevice reports whether multipath would read a name as that of whichever
// device has that number now: whatever begins like "dm-12" or "254:12".
func meansDevice(name string) bool {
	var major, minor uint
	if n, _ := fmt.Sscanf(name, "%d:%d", &major, &minor); n == 2 {
		return true
	}
	number, ok := strings.CutPrefix(name, "dm-")
	number = strings.TrimLeft(number, " ") // scanf's %d takes spaces and a sign, and up to 0.8.x whatever follows
	if number != "" && (number[0] == '+' || number[0] == '-') {
		number = number[1:]
	}
	return ok && number != "" && number[0] >= '0' && number[0] <= '9'
}

// checkDev passes a bare kernel name of a path: sdi, dasda, nvme0n1, cciss!c0d0.
func checkDev(dev string) error {
	if err := checkName(dev); err != nil {
		return err
	}
	if !unquoted(strings.ReplaceAll(dev, "!", "")) { // cciss!c0d0
		return badName(dev, "is not a kernel name")
	}
	return nil
}

func badName(name, reason string) error {
	return errors.WithStack(&NameError{Name: name, Reason: reason})
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f || r == utf8.RuneError })
}

// unquoted reports whether a word needs no quotes in multipathd's grammar. There
// '#' and '!' begin a comment, so that an unquoted "a#b" would mean map "a",
// and '{' and '}' are words of their own.
func unquoted(word string) bool {
	return word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("_.:-+%", r)
	})
}

// sentence writes an order in multipathd's grammar. Only what [guard] passed
// may come here: it knows no way to carry a quote.
func sentence(order []string) string {
	words := make([]string, len(order))
	for i, w := range order {
		words[i] = w
		if !unquoted(w) {
			words[i] = `"` + w + `"`
		}
	}
	return strings.Join(words, " ")
}
