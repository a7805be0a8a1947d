package scsi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lunsweep/lunsweep/scsi"
)

// fuzz holds a decoder to its promise: no panic, nothing beside an error, and
// the same answer to the same bytes, which it leaves as they are.
func fuzz[T any](f *testing.F, decode func([]byte) (T, error)) {
	for _, seed := range fixtures(f) {
		f.Add(seed)
		f.Add(seed[:len(seed)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := string(b)
		got, err := decode(b)
		var zero T
		if err != nil && !cmp.Equal(got, zero) {
			t.Errorf("an error and %v", got)
		}
		again, errAgain := decode(b)
		if diff := cmp.Diff(got, again); diff != "" || (err == nil) != (errAgain == nil) {
			t.Errorf("another answer the second time: %s, %v, %v", diff, err, errAgain)
		}
		if string(b) != before {
			t.Error("the input was changed")
		}
	})
}

func FuzzParseSense(f *testing.F)          { fuzz(f, scsi.ParseSense) }
func FuzzParseInquiry(f *testing.F)        { fuzz(f, scsi.ParseInquiry) }
func FuzzParseSupportedPages(f *testing.F) { fuzz(f, scsi.ParseSupportedPages) }
func FuzzParseSerial(f *testing.F)         { fuzz(f, scsi.ParseSerial) }
func FuzzParseReportLUNs(f *testing.F)     { fuzz(f, scsi.ParseReportLUNs) }

func FuzzParseDesignators(f *testing.F) {
	fuzz(f, func(b []byte) ([]scsi.Designator, error) {
		ds, err := scsi.ParseDesignators(b)
		for _, d := range ds {
			_ = d.String()
		}
		return ds, err
	})
}

// FuzzIdentity: whatever has a name is the same LU as itself.
func FuzzIdentity(f *testing.F) {
	for _, seed := range fixtures(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ds, err := scsi.ParseDesignators(b)
		if err != nil {
			return
		}
		ids := scsi.WWIDs(ds, "vendor", "model", "")
		if same, _ := scsi.SameLU(ds, ds); !same && len(ids) > 0 {
			t.Errorf("%q is not itself", ids)
		}
	})
}

func FuzzParseVPD(f *testing.F) {
	fuzz(f, func(b []byte) ([]byte, error) {
		page := byte(0x83)
		if len(b) > 1 {
			page = b[1]
		}
		return scsi.ParseVPD(b, page)
	})
}
