package main

import (
	"fmt"
	"slices"
)

// soak is what the soak is told by its environment on a distribution: how many
// rounds, where it is not its own number, and the seed.
func (o options) soak(suite string) []string {
	env := []string{fmt.Sprintf("SEED=%d", o.seed+uint64(max(slices.Index(o.suites, suite), 0)))}
	if o.rounds > 0 {
		env = append(env, fmt.Sprintf("SOAK=%d", o.rounds))
	}
	return env
}
