package remediate_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// Where no volume is mapped as LUN 0, an array (IBM 2145) answers there with peripheral
// qualifier 1 and type 0: the kernel keeps a SCSI device without a disk for each port. They
// are no LUs that look dead.
func TestPlaceholdersTripTheBreaker(t *testing.T) {
	t.Parallel()
	s := lost(t, remediatetest.Fail)
	for _, on := range []string{"39:0:0:", "40:0:0:"} {
		from, err := filepath.EvalSymlinks(filepath.Join(s.Tree(), "sys/bus/scsi/devices", on+"1"))
		require.NoError(t, err)
		for _, lun := range []string{"0", "256"} { // two ports each, by their looks
			to := filepath.Join(filepath.Dir(from), on+lun)
			require.NoError(t, os.MkdirAll(to, 0o755))
			for a, text := range map[string]string{"state": "running", "type": "0", "vendor": "IBM     ", "model": "2145            ", "rev": "0000"} {
				require.NoError(t, os.WriteFile(filepath.Join(to, a), []byte(text+"\n"), 0o644))
			}
			require.NoError(t, os.Symlink(to, filepath.Join(s.Tree(), "sys/bus/scsi/devices", on+lun)))
		}
	}
	sw := s.sweeper(t)
	planned(t, sw, s.lu.WWID())
}
