// Package soak makes up what happens to a host in the lab's soak: rounds of
// faults and uses, drawn by a seed and by nothing else, so that the same seed
// gives the same rounds again. It keeps the book of what the array and the
// users did, from which an oracle can tell who is dead, whatever the library
// thinks.
//
// It reads nothing, runs nothing and needs no privilege; scenario TestSoak does
// what it says. A Book is for one goroutine.
package soak
