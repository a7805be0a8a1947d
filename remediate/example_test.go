package remediate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/sysfs"
)

// simulatedHost stands for the host in the examples. On a real one there is no
// WithSystem.
func simulatedHost(preset string) *remediatetest.Host {
	return value(remediatetest.OpenPreset(preset, ""))
}

func value[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// records are the driver's own: which volumes it has, or had, on this node.
func records(_ context.Context, lu remediate.Subject) (remediate.Claim, error) {
	if lu.WWID == remediatetest.WWIDb || lu.WWID == remediatetest.WWIDe {
		return remediate.Claim{Owner: remediate.Mine, Source: "the driver's records"}, nil
	}
	return remediate.Claim{Owner: remediate.NotMine}, nil
}

// The whole of it.
func Example() {
	host := simulatedHost("residual")
	defer host.Close()
	s, err := remediate.New(
		remediate.WithOwner(records),
		remediate.WithDwell(0), remediate.WithSystem(host.System()), // as this is no real host
	)
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	plan, err := s.Plan(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range plan.Steps {
		fmt.Println(step.N, step.Action, step.Target)
	}
	report, err := s.Execute(ctx, plan)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Results[0].Outcome, report.Err())
	// Output:
	// 1 flush-map mpathb
	// 2 offline-path sdi
	// 3 offline-path sdj
	// 4 delete-path sdi
	// 5 delete-path sdj
	// 6 forget-path sdi
	// 7 forget-path sdj
	// 8 verify 360014055e7c14d0b8aa4f6e92d3b7c05
	// removed <nil>
}

// What is on the host, and why each device is taken for what it is.
func ExampleSweeper_Survey() {
	host := simulatedHost("inuse")
	defer host.Close()
	s := value(remediate.New(remediate.WithSystem(host.System()), remediate.WithOwner(records),
		remediate.WithProtected(remediatetest.WWIDa)))
	survey := value(s.Survey(context.Background()))
	for _, d := range survey.Residual() {
		fmt.Println(d.Map.Name, d.Verdict, "by", d.Proof, "removable:", d.Removable, "actionable:", d.Verdict.Actionable())
		for _, p := range d.Paths {
			fmt.Println(p.Dev, p.State, p.DMState, p.Transport, p.Answer, p.Identity)
		}
		for _, u := range d.InUse {
			fmt.Println("used by", u.Kind, u.By)
		}
	}
	d, found := survey.Find(remediatetest.WWIDa)
	fmt.Println(found, d.Verdict, d.Verdict.Residual(), d.Protected, d.Evidence.Looks)
	for _, g := range survey.Gaps {
		fmt.Println("could not be seen:", g)
	}
	// Output:
	// mpathb stale-in-use by target removable: false actionable: false
	// sdi running failed session1 LOGGED_IN gone unknown
	// sdj running failed session2 LOGGED_IN gone unknown
	// used by mount /var/lib/kubelet/pods/1f4e/volumes/kubernetes.io~csi/vol-pg-7/mount
	// true healthy false the caller protects 360014055a0b4e2f6d3c84b1a97f0e2d1 1
}

// A plan is data: it can be kept, reviewed, and executed by another process of
// the same boot, until it expires.
func ExampleReadPlan() {
	host := simulatedHost("residual")
	defer host.Close()
	ctx := context.Background()
	maker := value(remediate.New(remediate.WithSystem(host.System()), remediate.WithOwner(records), remediate.WithDwell(0),
		remediate.WithExpiry(time.Hour)))
	kept := value(json.Marshal(value(maker.Plan(ctx))))

	plan := value(remediate.ReadPlan(bytes.NewReader(kept)))
	for _, t := range plan.Targets {
		fmt.Println(t.Map.Name, t.Map.DM, t.Verdict, len(t.Paths), "paths, the first", t.Paths[0].HCTL)
	}
	_, err := remediate.ReadPlan(bytes.NewReader(bytes.Replace(kept, []byte("mpathb"), []byte("mpatha"), 1)))
	fmt.Println("edited:", err != nil)

	doer := value(remediate.New(remediate.WithSystem(host.System()), remediate.WithOwner(records)))
	fmt.Println(value(doer.Execute(ctx, plan)).Results[0].Outcome)
	for _, v := range value(doer.Verify(ctx, plan.Targets...)) {
		fmt.Println(v.Gone, v.Remains, v.Notes)
	}
	// Output:
	// mpathb dm-12 stale 2 paths, the first 39:0:0:1
	// edited: true
	// removed
	// true [] []
}

// Every look and step, for a log, and for an audit trail that is written before
// anything is done.
func ExampleWithObserver() {
	host := simulatedHost("queueing")
	defer host.Close()
	var journal bytes.Buffer // a file, say
	s := value(remediate.New(remediate.WithSystem(host.System()), remediate.WithOwner(records), remediate.WithDwell(0),
		remediate.WithJournal(&journal), remediate.WithParallel(1),
		remediate.WithObserver(func(e remediate.Event) {
			if e.Kind == remediate.EventEnd && e.WWID == remediatetest.WWIDe {
				fmt.Println(e.Action, e.Target, e.Outcome)
			}
		})))
	report, err := s.Clear(context.Background(), remediatetest.WWIDe)
	fmt.Println(len(report.Left()), err)
	fmt.Println(bytes.Count(journal.Bytes(), []byte("\n")) > 10)
	// Output:
	// disable-queueing mpathe done
	// wait-readers mpathe done
	// flush-map mpathe done
	// offline-path sdk done
	// offline-path sdl done
	// delete-path sdk done
	// delete-path sdl done
	// forget-path sdk done
	// forget-path sdl done
	// verify 36001405c6d81f39e07b4a2593f1c8e60 done
	// 0 <nil>
	// true
}

// A run is killed in its work; the next one puts right what it left half done.
func ExampleSweeper_Recover() {
	host := simulatedHost("queueing")
	defer host.Close()
	host.CrashAfter(1) // queueing is off, and the map still there
	ctx := context.Background()
	dead := value(remediate.New(remediate.WithSystem(host.System()), remediate.WithOwner(records), remediate.WithDwell(0)))
	_, _ = dead.Clear(ctx, remediatetest.WWIDe)

	s := value(remediate.New(remediate.WithSystem(host.System())))
	for _, u := range value(s.Survey(ctx)).Unfinished {
		fmt.Println(u.WWID, u.Map.Name, "queued:", u.Map.Queueing)
	}
	for _, r := range value(s.Recover(ctx)) {
		fmt.Println(r.Err, r.Steps[0].Action, r.Steps[0].Outcome)
	}
	fmt.Println(host.Actions())
	// Output:
	// 36001405c6d81f39e07b4a2593f1c8e60 mpathe queued: true
	// <nil> restore-queueing done
	// [multipathd disablequeueing map mpathe multipathd restorequeueing map mpathe]
}

// The judgement alone, on facts of one's own: it does no I/O.
func ExampleJudge() {
	facts := remediate.Facts{
		WWID: remediatetest.WWIDb,
		Map:  &remediate.Map{Name: "mpathb", DM: "dm-12", UUID: "mpath-" + remediatetest.WWIDb},
		Paths: []remediate.Path{
			{Dev: "sdi", State: "running", DMState: "failed", InMap: true, Link: sysfs.LinkUp, Answer: remediate.Gone},
			{Dev: "sdj", State: "running", DMState: "failed", InMap: true, Link: sysfs.LinkUp, Answer: remediate.Gone},
		},
	}
	j := remediate.Judge(facts, remediate.Rule{})
	fmt.Println(j.Verdict, j.Proof, j.Verdict.Actionable())
	facts.Paths[1].Answer = remediate.Silent // the target says nothing on one path
	fmt.Println(remediate.Judge(facts, remediate.Rule{Runbook: true}).Verdict)
	// Output:
	// stale target true
	// unreachable
}

// The real host, as a privileged container sees it, with every limit said.
func ExampleNew() {
	_, err := remediate.New(
		remediate.WithRoot("/no-such-host"), // where the host's file system is mounted
		remediate.WithBackend("auto"),
		remediate.WithOwner(records),
		remediate.WithOwnerTimeout(5*time.Second),
		remediate.WithProbeTimeout(5*time.Second),
		remediate.WithMaxDead(0.3),
		remediate.WithLockDir("/run/lunsweep"),
		remediate.WithSilentPaths(),
		remediate.WithRunbook(),
	)
	fmt.Println(err != nil)
	_, err = remediate.OpenSystem("/no-such-host", "socket", time.Second)
	fmt.Println(err != nil)
	// Output:
	// true
	// true
}
