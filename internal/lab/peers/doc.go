// Package peers names what the lab compares: the rules by which others clear
// leftover devices, the situations that each of them is put into, and the
// table in the README of what came of it. The scenarios TestPeers… of package
// scenario make the situations and run the rules for real.
//
// It runs nothing and needs no privilege. Table and Marked are pure.
package peers
