package scsi_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
)

var ctx = context.Background()

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// opened is a disk of a simulated host; on a real one it is scsi.Open(ctx, path).
func opened(preset, path string) *scsi.Device {
	h := must(remediatetest.OpenPreset(preset, ""))
	return must(h.System().OpenLU(ctx, path))
}

// Is the LUN behind a path still mapped, and is it still the same volume?
func Example() {
	for _, preset := range []string{"clean", "residual", "remapped", "outage"} {
		path := "/dev/sdi"
		if preset == "clean" {
			path = "/dev/sdb"
		}
		h := must(remediatetest.OpenPreset(preset, ""))
		fmt.Println(preset+":", whose(h.System().OpenLU(ctx, path)))
		h.Close()
	}
	// Output:
	// clean: it is 360014055a0b4e2f6d3c84b1a97f0e2d1
	// residual: the target has no such LUN any more
	// remapped: it is 360014051d8f7a3b9c6e40258d17b3f9e
	// outage: it cannot be asked, so nothing is known
}

func whose(d *scsi.Device, err error) string {
	if err != nil {
		return "it cannot be asked, so nothing is known"
	}
	defer d.Close()
	ds, err := d.Designators(ctx)
	var status *scsi.StatusError
	switch {
	case errors.As(err, &status) && status.NotSupported():
		return "the target has no such LUN any more"
	case err != nil:
		return "nothing is known: " + err.Error()
	}
	return "it is " + scsi.WWID(ds, "", "", "")
}

// Everything that can be asked.
func ExampleDevice() {
	d := opened("clean", "/dev/sdb")
	defer d.Close()
	i := must(d.Inquiry(ctx))
	fmt.Println(d.TestUnitReady(ctx), i.Vendor, i.Product, i.Connected())
	fmt.Println(must(d.SerialNumber(ctx)), must(d.ReportLUNs(ctx)))
	for _, id := range must(d.Designators(ctx)) {
		fmt.Println(id.Association, id.Kind == scsi.KindNAA, id)
	}
	fmt.Printf("% x of %d bytes\n", must(d.SupportedPages(ctx)), len(must(d.VPD(ctx, scsi.PageDeviceID))))
	// Output:
	// <nil> LIO-ORG vol-db-0 true
	// d3c84b1a97f0e2d1 [2 3 4]
	// 0 false lu t10 "LIO-ORG vol-db-0:d3c84b1a97f0e2d1"
	// 0 true lu naa 60014055a0b4e2f6d3c84b1a97f0e2d1
	// 1 false port relative-port 00000002
	// 00 80 83 of 69 bytes
}

// A program that asks many disks has one Opener, and with it one count of what
// has not come back.
func ExampleOpener() {
	o := scsi.NewOpener(128, scsi.WithTimeout(2*time.Second))
	d, err := o.Open(ctx, "/dev/no-such-disk")
	var op *scsi.OpError
	if errors.As(err, &op) {
		fmt.Println(op.Op, op.Path, d == nil)
	}
	for _, s := range o.Stuck() {
		fmt.Println(s.Path, "sleeps in", s.WChan, "since", s.Since)
	}
	// Output:
	// open /dev/no-such-disk true
}

func ExampleOpen() {
	_, err := scsi.Open(ctx, "/dev/no-such-disk")
	fmt.Println(errors.As(err, new(*scsi.OpError)))
	// Output: true
}

// script answers commands with what it was given, in turn.
type script []scsi.Reply

func (s *script) Do(context.Context, scsi.Command) (scsi.Reply, error) {
	r := (*s)[0]
	*s = (*s)[1:]
	return r, nil
}

// Commands over a transport of one's own. A unit attention comes once, is told
// of, and the command is sent again.
func ExampleNew() {
	changed := []byte{0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x3f, 0x0e, 0, 0, 0, 0}
	gone := []byte{0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x25, 0, 0, 0, 0, 0}
	d := scsi.New(&script{{Status: 2, Driver: 8, Sense: changed}, {Status: 2, Driver: 8, Sense: gone}, {Host: 1}},
		scsi.WithAttention(func(s scsi.Sense) { fmt.Println("attention:", s) }))
	var status *scsi.StatusError
	for range 2 {
		if errors.As(d.TestUnitReady(ctx), &status) {
			fmt.Println("gone:", status.NotSupported(), "lost:", status.Lost(), "no connection:", status.NoConnect())
		}
	}
	fmt.Printf("%q\n", d.Path())
	// Output:
	// attention: 06/3f/0e reported luns data has changed
	// gone: true lost: false no connection: false
	// gone: false lost: true no connection: true
	// ""
}

// The pages that sysfs caches are decoded without any device.
func ExampleParseVPD() {
	serial := must(scsi.ParseVPD([]byte("\x00\x80\x00\x04vol1"), scsi.PageSerial))
	fmt.Println(must(scsi.ParseSerial(serial)))
	fmt.Printf("% x\n", must(scsi.ParseSupportedPages([]byte("\x00\x00\x00\x03\x00\x80\x83"))))
	fmt.Println(must(scsi.ParseReportLUNs([]byte("\x00\x00\x00\x10\x00\x00\x00\x00" + "\x00\x01\x00\x00\x00\x00\x00\x00" + "\x00\x05\x00\x00\x00\x00\x00\x00"))))
	fmt.Println(must(scsi.ParseSense([]byte{0x72, 5, 0x25, 0, 0, 0, 0, 0})))

	standard := append([]byte{0x20, 0, 6, 2, 31, 0, 0, 0}, "LIO-ORG vol-17          4.0 "...)
	i := must(scsi.ParseInquiry(standard))
	fmt.Println(i.Vendor, i.Product, "connected:", i.Connected())

	_, err := scsi.ParseVPD([]byte("\x00\x80\x00\x09vol1"), scsi.PageSerial)
	var damaged *scsi.DecodeError
	fmt.Println(errors.As(err, &damaged), damaged.What)
	// Output:
	// vol1
	// 00 80 83
	// [1 5]
	// 05/25/00 logical unit not supported
	// LIO-ORG vol-17 connected: false
	// true vpd page 80h
}

const page83 = "\x00\x83\x00\x14\x01\x03\x00\x10\x60\x01\x40\x5a\xa0\x0b\xb1\x1c\xc2\x2d\xd3\x10\x00\x00\x00\x00"

// The names that multipath may have for a disk, the best first.
func ExampleWWIDs() {
	ds := must(scsi.ParseDesignators([]byte(page83)))
	for _, id := range scsi.WWIDs(ds, "LIO-ORG", "FILEIO", "aa00bb11") {
		fmt.Println(id)
	}
	// Output:
	// 36001405aa00bb11cc22dd31000000000
	// SLIO-ORG_FILEIO_aa00bb11
}

// A name, however somebody writes it, and whether a LU bears it.
func ExampleParseName() {
	ds := must(scsi.ParseDesignators([]byte(page83)))
	for _, text := range []string{"36001405aa00bb11cc22dd31000000000", "naa.6001405aa00bb11cc22dd31000000000", "0x6001405AA00BB11CC22DD31000000000"} {
		n := must(scsi.ParseName(text))
		fmt.Println(n, n.WWID(), n.In(ds))
	}
	same, sure := scsi.SameLU(ds, ds)
	fmt.Println(same, sure)
	// Output:
	// 36001405aa00bb11cc22dd31000000000 36001405aa00bb11cc22dd31000000000 true
	// 36001405aa00bb11cc22dd31000000000 36001405aa00bb11cc22dd31000000000 true
	// 36001405aa00bb11cc22dd31000000000 36001405aa00bb11cc22dd31000000000 true
	// true true
}
