package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// The defaults look and change nothing.
func TestDefaults(t *testing.T) {
	c, err := parseFlags([]string{"-node", "n", "-driver", "d"}, io.Discard)
	require.NoError(t, err)
	require.False(t, c.apply)
	require.False(t, c.attest)
}

func TestFlagErrors(t *testing.T) {
	t.Setenv("NODE_NAME", "")
	for _, args := range [][]string{{"-driver", "d"}, {"-node", "n"}, {"-node", "n", "-driver", "d", "x"}, {"-node", "n", "-driver", "d", "-interval", "0s"}} {
		_, err := parseFlags(args, io.Discard)
		require.Error(t, err, "%q", args)
	}
}
