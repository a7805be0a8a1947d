// Package parity says what happens to a host and what the library must come to,
// once for the simulated host of package remediatetest and once more, word for
// word, for a real kernel in the lab. Where the two disagree the kernel is right
// and the simulated host is to be mended: a program that was tested on it shall
// see nothing new on a node.
//
// A [Scenario] is data and calls of [Host], which package parity's own test
// implements on the simulated host and package scenario in a guest of the lab.
// [Play] goes through a scenario's acts on either.
package parity
