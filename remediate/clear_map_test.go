package remediate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/multipath"
)

// An order that a silent multipathd may carry out yet counts as taken.
func TestNotTaken(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&multipath.CommandError{Err: multipath.ErrSilent}, true},
		{&multipath.CommandError{Err: multipath.ErrBusy}, true},
		{&multipath.CommandError{Err: multipath.ErrSilent, Uncertain: true}, false},
		{&multipath.CommandError{Err: multipath.ErrInUse}, false},
	} {
		require.Equal(t, tt.want, notTaken(tt.err), "%v", tt.err)
	}
}
