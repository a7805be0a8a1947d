package multipath

import (
	"context"
	"strings"

	"github.com/pkg/errors"
)

// An asker can put a question to multipathd.
type asker interface {
	ask(ctx context.Context, words ...string) (string, error)
}

// explainMap turns a refusal without a reason into [ErrNoMap], where the daemon
// does not list a map of that name.
func explainMap(ctx context.Context, a asker, name string, err error) error {
	return explain(ctx, a, err, func(line string) bool { return line == name }, "show", "maps", "raw", "format", "%n")
}

// explainPath is explainMap for a path.
func explainPath(ctx context.Context, a asker, dev string, err error) error {
	is := func(line string) bool {
		first, _, _ := strings.Cut(line, "\t")
		return first == dev
	}
	return explain(ctx, a, err, is, showPaths()...)
}

func explain(ctx context.Context, a asker, refusal error, is func(line string) bool, question ...string) error {
	var c *CommandError
	if !errors.Is(refusal, ErrRefused) || !errors.As(refusal, &c) {
		return refusal
	}
	reply, err := a.ask(ctx, question...)
	if err != nil || trouble(reply) != nil {
		return refusal
	}
	for line := range strings.Lines(reply) {
		if is(strings.TrimSpace(line)) {
			return refusal
		}
	}
	told := *c
	told.Err = ErrNoMap
	return errors.WithStack(&told)
}
