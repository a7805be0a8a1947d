package remediate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A plan is good from when it was made until it expires. One from the future comes
// from before a clock was set back, and would be good for as long as that was.
func TestPlanFitsItsTime(t *testing.T) {
	made := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := &Plan{Schema: planSchema, Host: "worker-3", BootID: "5b1f", Created: made, Expires: made.Add(15 * time.Minute)}
	p.ID = p.digest()
	for after, fits := range map[time.Duration]bool{
		0: true, 15 * time.Minute: true, 15*time.Minute + 1: false,
		-time.Second: true, -time.Hour: false, // a clock may be put right by a little
	} {
		err := p.fits("worker-3", "5b1f", made.Add(after))
		require.Equal(t, fits, err == nil, "%s: %v", after, err)
	}
}
