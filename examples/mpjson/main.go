// Command mpjson reads any output of multipath -l, -ll, -v2, -v4 -ll,
// multipathd show topology or show maps json on standard input and prints it as
// one JSON object, {"maps":[…]}.
//
// It exits with 0; or with 1 and one line on standard error where the input is
// cut off, is an error reply, or cannot be read without guessing: there is no
// list then, not even an empty one. Messages alone are an empty list, with a
// warning on standard error.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/lunsweep/lunsweep/multipath"
)

func main() { os.Exit(run(os.Stdin, os.Stdout, os.Stderr)) }

func run(in io.Reader, out, errs io.Writer) int {
	t, err := read(in)
	if errors.Is(err, multipath.ErrNoTopology) {
		fmt.Fprintf(errs, "mpjson: warning: %v\n", err)
		t, err = &multipath.Topology{}, nil
	}
	if err == nil {
		err = write(out, t)
	}
	if err != nil {
		fmt.Fprintf(errs, "mpjson: %v\n", err)
		return 1
	}
	return 0
}

func read(in io.Reader) (*multipath.Topology, error) {
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	return multipath.ParseAny(text)
}

// write prints the maps at once, so that an error leaves no half of a list.
func write(out io.Writer, t *multipath.Topology) error {
	if t.Maps == nil {
		t.Maps = []multipath.Map{}
	}
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = out.Write(append(b, '\n'))
	return err
}
