package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// interruptible returns a context that the first SIGINT, SIGTERM or SIGHUP (the
// terminal is gone) ends. The second one finds the default action again and
// ends the program at once. A reader that goes away ("| head") must not end it
// in the middle of a removal either: SIGPIPE is ignored.
func interruptible(stderr io.Writer) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGPIPE)
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	quiet := context.AfterFunc(ctx, func() {
		stop()
		fmt.Fprintln(stderr, "\nsweep: interrupted: no new step begins, the running ones are ended; once more to exit at once")
	})
	return ctx, func() { quiet(); stop() }
}
