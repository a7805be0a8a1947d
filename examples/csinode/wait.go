package main

import (
	"context"
	"time"
)

// until tries again for as long as again says of the error that waiting may
// help, and returns the last one when the time is over.
func until(ctx context.Context, limit time.Duration, again func(error) bool, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil || !again(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}
