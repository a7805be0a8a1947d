// Package scenario holds what the library must do on a real kernel: one test
// for each scenario, which runs as root in a guest of the lab of its own
// (go run ./internal/lab) and has all of that guest to break.
//
// # To add one
//
// Write a test that makes its situation by the fault makers of package guest,
// has the library or the sweep command act (newSweeper with look, plan and execute;
// swept, or sweptIn a guest.Container), and asks guest's oracles, which are others'
// programs, what came of it: never the library whether the library was right. What
// they do is watched, and held against the plan, the journal or the report; what the
// scenario itself does meanwhile it does by guest.Aside. A healthy LU in use belongs
// beside what is to go, and must be untouched. Give every wait a limit. The lab finds
// the test by its name, which sorts it to its kind:
//
//	go run ./internal/lab -suites bookworm -run '^TestMine$' -v
//	go run ./internal/lab -suites all -run '^TestMine$'
//
// The tests stand behind the build tag lab, so that go test ./... does not see
// them. Never run them on a machine that matters.
package scenario
