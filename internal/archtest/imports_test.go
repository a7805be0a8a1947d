package archtest

import (
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

const module = "github.com/lunsweep/lunsweep"

// allowed says which packages of this module each package may import. A package
// that is not listed here may import none.
//
//	examples ─► remediate ─► multipath scsi blockprobe diskbyid ─► sysfs      A ─► B: A imports B
//	                └──────────────┴──────┴───► internal/…
var allowed = map[string][]string{
	"sysfs":                   {"internal/park"},
	"scsi":                    {"sysfs", "internal/park"},
	"blockprobe":              {"sysfs", "internal/park"},
	"diskbyid":                {"sysfs", "internal/park"},
	"multipath":               {"sysfs", "internal/park", "internal/command", "internal/dmioctl"},
	"internal/command":        {"internal/park"},
	"internal/lockdir":        {"internal/park"},
	"remediate":               {"sysfs", "scsi", "blockprobe", "diskbyid", "multipath", "internal/park", "internal/command", "internal/lockdir"},
	"remediate/remediatetest": {"remediate", "sysfs", "scsi", "blockprobe", "diskbyid", "multipath", "internal/command", "internal/dmioctl", "internal/scsireply"},
	"examples/sweep":          {"remediate", "remediate/remediatetest", "sysfs", "scsi", "blockprobe", "diskbyid", "multipath"},
	"examples/mpjson":         {"multipath"},
}

// outside lists what may come from elsewhere than the standard library.
var outside = []string{"github.com/pkg/errors", "golang.org/x/sys/"}

type goPackage struct {
	ImportPath string
	Dir        string
	Doc        string
	GoFiles    []string
	Imports    []string
	Standard   bool
}

// packages lists the module's packages, for linux, without their tests.
func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,GoFiles,Imports", module+"/...")
	cmd.Env = append(cmd.Environ(), "GOOS=linux")
	out, err := cmd.Output()
	require.NoError(t, err)
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		err := dec.Decode(&p)
		if err == io.EOF {
			require.NotEmpty(t, all)
			return all
		}
		require.NoError(t, err)
		all = append(all, p)
	}
}

// The arrows of the design: data flows one way, siblings do not know one
// another, and nothing but the standard library, x/sys and pkg/errors comes in.
func TestArrows(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if strings.HasPrefix(name, "internal/lab") {
			continue // the lab stands beside the library and may use all of it
		}
		for _, imp := range p.Imports {
			if own, ok := strings.CutPrefix(imp, module+"/"); ok {
				if !contains(allowed[name], own) {
					t.Errorf("%s must not import %s", name, own)
				}
				continue
			}
			if strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") && !fromOutside(imp) {
				t.Errorf("%s must not import %s", name, imp)
			}
		}
	}
}

// Nobody but the lab imports the lab.
func TestLabStaysBeside(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			if strings.HasPrefix(imp, module+"/internal/lab") && !strings.HasPrefix(p.ImportPath, module+"/internal/lab") {
				t.Errorf("%s imports %s", p.ImportPath, imp)
			}
		}
	}
}

// Each package says what it is, and each public one when not to use it.
func TestPackageDocs(t *testing.T) {
	for _, p := range packages(t) {
		require.NotEmpty(t, p.Doc, "%s has no package comment", p.ImportPath)
	}
}

// The map above names packages that exist.
func TestAllowedExists(t *testing.T) {
	have := map[string]bool{}
	for _, p := range packages(t) {
		have[strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")] = true
	}
	var missing []string
	for name, imports := range allowed {
		for _, n := range append([]string{name}, imports...) {
			if !have[n] {
				missing = append(missing, n)
			}
		}
	}
	if diff := cmp.Diff([]string(nil), missing); diff != "" {
		t.Errorf("packages that do not exist (-want +got):\n%s", diff)
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func fromOutside(imp string) bool {
	for _, o := range outside {
		if strings.HasPrefix(imp, o) {
			return true
		}
	}
	return false
}
