// Command lab runs the scenarios of package scenario against a real kernel
// with real multipathd, udev and iSCSI, on several distributions, and prints a
// table of what came of it.
//
//	go run ./internal/lab [-suites bookworm,trixie|all] [-run REGEXP] [-spread] [-j N] [-v] [-keep DIR]
//	go run ./internal/lab -run '^TestSoak$' -suites all -soak 125 [-seed N]
//	go run ./internal/lab -outcomes print|check|write -suites all
//	go run ./internal/lab -peers print|check|write -suites all
//	go run ./internal/lab -realrun write
//	go run ./internal/lab -bench [-write]
//
// The second form runs the soak for as many random rounds, drawn by the seed on
// the first distribution and by one more on each next one. The third runs the
// scenarios, too, and prints how many LUs each has removed, refused and left,
// compares that with OUTCOMES.md, or writes it there. The fourth puts the
// rules of package peers into each of its situations, each on a boot of its own,
// and prints the table that the README shows, compares it with the README's, or
// writes it there. The fifth writes the READMEs' real run anew, against which every
// run of that scenario is held. The sixth runs the benchmarks instead of the
// scenarios, each on a guest of its own, and prints one table of ratios, or writes
// it into the READMEs.
// Whatever tables a scenario fills are printed in the end, as Markdown.
//
// Each scenario gets a guest of its own: a User-Mode Linux kernel, which needs
// no KVM, over a throw-away overlay of a Debian root. The first run builds
// kernel and roots in $LUNSWEEP_LAB, or else in /var/cache/lunsweep-lab (about
// a minute and 0.7 GB for each distribution); later runs find them there.
//
// It needs root, Linux on amd64 and Debian's mmdebstrap, which it installs with
// apt-get where it is missing. Nothing of the machine that it runs on is
// touched but the cache, and nothing of a guest stays behind, however it ends:
// guests live in process and mount namespaces of their own.
//
// The exit status is 0 when every scenario passed, 1 when one did not or the
// lab could not be built, 2 for wrong usage.
package main
