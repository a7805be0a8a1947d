package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/lunsweep/lunsweep/internal/lab/soak"
)

// soakTest is the scenario that takes as long as it is told to.
const soakTest = "TestSoak"

// soakRound is what a round of the soak may take on average, on a busy machine.
const soakRound = 10 * time.Second

// limit is the time limit of a scenario.
func (o options) limit(test string) time.Duration {
	if test != soakTest {
		return o.timeout
	}
	return o.timeout + time.Duration(cmp.Or(o.rounds, soak.Rounds))*soakRound
}

// soak is what the soak is told by its environment on a distribution: how many
// rounds, where it is not its own number, and the seed.
func (o options) soak(suite string) []string {
	env := []string{fmt.Sprintf("SEED=%d", o.seed+uint64(max(slices.Index(o.suites, suite), 0)))}
	if o.rounds > 0 {
		env = append(env, fmt.Sprintf("SOAK=%d", o.rounds))
	}
	return env
}
