// Package scenario holds what the library must do on a real kernel: one test
// for each scenario, which runs as root in a guest of the lab of its own
// (go run ./internal/lab) and has all of that guest to break.
//
// The tests stand behind the build tag lab, so that go test ./... does not see
// them. Never run them on a machine that matters.
package scenario
