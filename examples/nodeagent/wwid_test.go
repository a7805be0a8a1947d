package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWWIDs(t *testing.T) {
	const want = "360014055e7c14d0b8aa4f6e92d3b7c05"
	for in, out := range map[string][]string{
		"":                                     nil,
		want:                                   {want},
		"60014055e7c14d0b8aa4f6e92d3b7c05":     {want},
		"naa.60014055E7C14D0B8AA4F6E92D3B7C05": {want},
		"0x60014055e7c14d0b8aa4f6e92d3b7c05":   {want},
		"36001405":                             {"36001405"},
		"5002538e40a1b2c3":                     {"35002538e40a1b2c3"},
		"S123":                                 {"S123"},
	} {
		require.Equal(t, out, wwidsOf(in), "%q", in)
	}
}
