package main

import (
	"time"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// simulations are the names that -simulate takes.
func simulations() []string {
	var names []string
	for _, p := range remediatetest.Presets() {
		names = append(names, p.Name)
	}
	return names
}

// simulated makes the simulated host of that name; closing it removes its files.
func simulated(name string, patience time.Duration) (remediate.System, func(), error) {
	h, err := remediatetest.OpenPreset(name, "")
	if err != nil {
		return remediate.System{}, nil, err
	}
	h.Patience(patience)
	return h.System(), func() { _ = h.Close() }, nil
}
