package multipath_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"

	"github.com/lunsweep/lunsweep/multipath"
)

var ctx = context.Background()

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

const printed = `mpathb (360014055e7c14d0b8aa4f6e92d3b7c05) dm-12 LIO-ORG,vol-pg-7
size=10G features='1 queue_if_no_path' hwhandler='1 alua' wp=rw
` + "`" + `-+- policy='service-time 0' prio=0 status=enabled
  |- 39:0:0:1 sdi 8:128 failed faulty running
  ` + "`" + `- 40:0:0:1 sdj 8:144 failed faulty running
`

// From what multipath -ll prints to data.
func ExampleParse() {
	t := must(multipath.Parse([]byte(printed)))
	for i := range t.Maps {
		m := &t.Maps[i]
		fmt.Println(m.Name, m.WWID, m.DM, m.Vendor(), m.Product(), m.Size(), "queueing:", m.Queueing())
		for p := range m.Each {
			fmt.Println(p.HCTL(), p.Dev(), p.Devt(), p.DMState(), p.CheckState(), p.DevState())
		}
	}
	fmt.Println(t.Form)
	for _, u := range t.Unknowns() {
		fmt.Println("does not tell the", u)
	}
	// Output:
	// mpathb 360014055e7c14d0b8aa4f6e92d3b7c05 dm-12 LIO-ORG vol-pg-7 10G queueing: true
	// 39:0:0:1 sdi 8:128 failed faulty running
	// 40:0:0:1 sdj 8:144 failed faulty running
	// tree
	// does not tell the paths that are not printed
	// does not tell the state of a path's SCSI device
	// does not tell the use of a map
	// does not tell the suspension of a map
	// does not tell the whether maps follow
	// does not tell the size of a map
}

// Half a text is no topology: a path could be shown under the wrong map.
func ExampleParseError() {
	_, err := multipath.Parse([]byte(printed[:len(printed)-40]))
	var damaged *multipath.ParseError
	fmt.Println(errors.As(err, &damaged), damaged.Line, errors.Is(err, multipath.ErrTruncated))

	_, err = multipath.ParseAny([]byte("timeout\n"))
	var reply *multipath.ReplyError
	fmt.Println(errors.As(err, &reply), reply.Reply, errors.Is(err, multipath.ErrBusy))
	// Output:
	// true 5 true
	// true timeout true
}

const daemonJSON = `{"major_version":0,"minor_version":1,"maps":[{"name":"mpathb","uuid":"360014055e7c14d0b8aa4f6e92d3b7c05",
"sysfs":"dm-12","failback":"immediate","queueing":"on","paths":0,"dm_st":"active","features":"1 queue_if_no_path",
"hwhandler":"1 alua","action":"","vend":"LIO-ORG","prod":"vol-pg-7","write_prot":"rw","path_groups":[{"selector":"service-time 0",
"pri":0,"dm_st":"enabled","group":1,"paths":[{"dev":"sdi","dev_t":"8:128","dm_st":"failed","dev_st":"running","chk_st":"faulty"}]}]}]}`

// What multipathd answers to show maps json tells more than text.
func ExampleParseJSON() {
	t := must(multipath.ParseJSON([]byte(daemonJSON)))
	m := &t.Maps[0]
	fmt.Println(m.Name, m.Live.State, m.Live.Retry, m.Features(), m.Handler(), m.Write(), m.Action() == "", m.Foreign() == "")
	for _, g := range m.Groups {
		prio, ok := g.Prio()
		fmt.Println(g.Policy(), g.Status(), prio, ok, g.Len(), g.Path(0).Dev())
		for p := range g.Each {
			fmt.Println(p)
		}
	}
	// Output:
	// mpathb active on 1 queue_if_no_path 1 alua rw true true
	// service-time 0 enabled 0 true 1 sdi
	//  sdi 8:128 failed faulty running
}

// Two looks at one host, compared.
func ExampleMap_Equal() {
	before, now := must(multipath.ParseAny([]byte(printed))), must(multipath.ParseAny([]byte(daemonJSON)))
	a, b := before.Maps[0], now.Maps[0]
	fmt.Println(a.Equal(a), a.Equal(b), a.Groups[0].Equal(a.Groups[0]), a.Groups[0].Path(0).Equal(b.Groups[0].Path(0)))
	// Output: true false true false
}

// runner answers in place of the host's programs: yours may go through nsenter.
func runner(_ context.Context, argv ...string) (multipath.RunResult, error) {
	switch argv[len(argv)-1] {
	case "mpathb":
		return multipath.RunResult{Stderr: []byte("mpathb: map in use\n"), Code: 1}, nil
	case "topology":
		return multipath.RunResult{Stdout: []byte(printed)}, nil
	}
	return multipath.RunResult{Stdout: []byte("pid 417 running\n")}, nil
}

// Orders say what came of them by errors that need no reading.
func ExampleNewCommand() {
	var run multipath.Runner = runner
	c := multipath.NewCommand(run, multipath.WithSource(multipath.DaemonOnly))
	fmt.Println(len(must(c.Topology(ctx)).Maps), c.Backend(), len(c.Stuck()))

	err := c.Flush(ctx, "mpathb")
	var failed *multipath.CommandError
	fmt.Println(errors.Is(err, multipath.ErrInUse), errors.As(err, &failed), failed.Argv, failed.ExitCode, multipath.Uncertain(err))

	err = c.Flush(ctx, "-F")
	var name *multipath.NameError
	fmt.Println(errors.As(err, &name), errors.Is(err, fs.ErrInvalid))
	// Output:
	// 1 command 0
	// true true [multipath -v2 -f mpathb] 1 false
	// true true
}

// The programs of the host whose file system is at /host, from a container.
func ExampleWithChroot() {
	c := multipath.NewCommand(nil, multipath.WithChroot("/no-such-host"))
	_, err := c.Topology(ctx)
	fmt.Println(err != nil)
	// Output: true
}
