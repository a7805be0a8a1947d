package remediate

import "github.com/pkg/errors"

// word is the name of the enumeration value n; a value outside is "unknown".
func word(names []string, n int) string {
	if n < 0 || n >= len(names) {
		return "unknown"
	}
	return names[n]
}

// fromWord sets *v to the enumeration value that text names.
func fromWord[T ~uint8](v *T, names []string, text []byte, what string) error {
	for i, name := range names {
		if name == string(text) {
			*v = T(i)
			return nil
		}
	}
	return errors.Errorf("%q is no %s", text, what)
}
