// Package doctest keeps the documentation true: its tests run every console
// block of the module's Markdown files and hold what the commands print against
// what the page says, and know of every other block who runs it.
//
//	```console
//	$ sweep scan -simulate clean; echo "status $?"
//	…what it prints, on both outputs
//	```
//
// Each block runs in an empty folder, in which the commands of one page follow
// one another, with sweep and mpjson in the path. Times, plan ids and durations
// count as equal. A line that is only "…" stands for any number of lines.
//
// Do not use it for commands that need root or a kernel: those are the lab's,
// which compares by [Settled], too.
package doctest
