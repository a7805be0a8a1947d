package remediate_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A link comes back between the note and the order: the disk that is switched off then
// is on record, too.
func TestLinkBackBeforeOffline(t *testing.T) {
	t.Parallel()
	s := before(t, remediatetest.Fail)
	s.Patience(100 * time.Millisecond)
	s.Unmap(s.lu)
	s.Outage()
	sys := s.System()
	var at atomic.Bool
	sys.Reader = hookedReader{reader: sys.Reader, claim: func(string) {
		if at.Load() {
			s.Recover() // the links are back
		}
	}}
	sw := s.on(t, sys, s.detached(), remediate.WithMaxDead(1), remediate.WithObserver(func(e remediate.Event) {
		if e.Action == remediate.OfflinePath {
			at.Store(e.Kind == remediate.EventBegin)
			if e.Kind == remediate.EventEnd {
				runtime.Goexit() // killed
			}
		}
	}))
	p := planned(t, s.sweeper(t, s.detached(), remediate.WithMaxDead(1)), s.lu.WWID())
	_, err := sw.Execute(within(t), p)
	require.NoError(t, err)
	require.Equal(t, "offline", stateOf(t, s, "sdi"), "%v", s.Actions())
	_, err = s.sweeper(t).Recover(within(t))
	require.NoError(t, err)
	require.Equal(t, "running", stateOf(t, s, "sdi"), "left switched off, and nobody knows: %v", s.Actions())
}
