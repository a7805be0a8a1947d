package scsi_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lunsweep/lunsweep/scsi"
)

// Is the LUN behind a path still mapped, and is it still the same volume?
func ExampleOpen() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	d, err := scsi.Open(ctx, "/dev/sdi")
	if err != nil {
		fmt.Println("cannot be asked, so nothing is known:", err)
		return
	}
	defer d.Close()
	ds, err := d.Designators(ctx)
	var status *scsi.StatusError
	switch {
	case errors.As(err, &status) && status.NotSupported():
		fmt.Println("the target has no such LUN any more")
	case err != nil:
		fmt.Println("nothing is known:", err)
	default:
		fmt.Println("it is now", scsi.WWID(ds, "", "", ""))
	}
}

func ExampleWWIDs() {
	page := []byte("\x00\x83\x00\x14\x01\x03\x00\x10\x60\x01\x40\x5a\xa0\x0b\xb1\x1c\xc2\x2d\xd3\x10\x00\x00\x00\x00")
	ds, err := scsi.ParseDesignators(page)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, id := range scsi.WWIDs(ds, "LIO-ORG", "FILEIO", "aa00bb11") {
		fmt.Println(id)
	}
	// Output:
	// 36001405aa00bb11cc22dd31000000000
	// SLIO-ORG_FILEIO_aa00bb11
}
