package parity

import "github.com/lunsweep/lunsweep/remediate"

// Scenarios is the table. Beside what happens there is always a volume to which
// nothing does, and of which nothing may change.
func Scenarios() []Scenario {
	return []Scenario{
		{
			Name: "unmapped", Volumes: volumes(Volume{}),
			Acts: []Act{
				{Happens: func(h Host) { h.Unmap(lost) }, Clear: both, Want: and(Outcome{remediate.Stale, remediate.Removed, "", nothing})},
				{Clear: both, Want: and(Outcome{remediate.Unknown, remediate.Absent, "", nothing})},
			},
		},
		{
			Name: "unmapped LUN 0", Volumes: []Volume{{Name: kept, LUN: 1}, {Name: lost, LUN: 0}},
			Acts: []Act{
				{Happens: func(h Host) { h.Unmap(lost) }, Clear: both, Want: and(Outcome{remediate.Stale, remediate.Removed, "", nothing})},
			},
		},
		{
			Name: "unmapped queueing", Volumes: volumes(Volume{Queue: true}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Unmap(lost); h.Read(lost) }, Clear: both,
					Want: and(Outcome{remediate.Stale, remediate.Removed, "", nothing}),
				},
			},
		},
		{
			Name: "opened in the midst", Volumes: volumes(Volume{Queue: true}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Unmap(lost) }, Clear: both, Until: remediate.WaitReaders,
					During: func(h Host, e remediate.Event) {
						if e.Kind == remediate.EventEnd && e.Action == remediate.DisableQueueing {
							h.Hold(lost)
						}
					},
					Want: and(Outcome{remediate.Stale, remediate.Failed, "no time", waits}),
				},
				{Clear: both, Want: and(Outcome{remediate.StaleInUse, remediate.Refused, "in use", waits})},
				{Happens: func(h Host) { h.LetGo(lost) }, Clear: both, Want: and(Outcome{remediate.Stale, remediate.Removed, "", nothing})},
			},
		},
		{
			Name: "unmapped from one target", Volumes: volumes(Volume{}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Unmap(lost, B) }, Clear: both,
					Want: and(Outcome{remediate.StalePath, remediate.Removed, "", Remains{Map: true, Disks: 1}}),
				},
				{Clear: both, Want: and(Outcome{remediate.Healthy, remediate.Refused, "evidence", Remains{Map: true, Disks: 1}})},
				{Happens: func(h Host) { h.Unmap(lost) }, Clear: both, Want: and(Outcome{remediate.Stale, remediate.Removed, "", nothing})},
			},
		},
		{
			Name: "mounted", Volumes: volumes(Volume{}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Mount(lost); h.Unmap(lost) }, Clear: both,
					Want: and(Outcome{remediate.StaleInUse, remediate.Refused, "in use", whole}),
				},
				{Happens: func(h Host) { h.Unmount(lost) }, Clear: both, Want: and(Outcome{remediate.Stale, remediate.Removed, "", nothing})},
			},
		},
		{
			Name: "reused LUN", Volumes: volumes(Volume{}),
			Acts: []Act{
				{Happens: func(h Host) { h.Remap(lost) }, Clear: both, Want: and(Outcome{remediate.Remapped, remediate.Removed, "", nothing})},
			},
		},
		{
			Name: "reused and mounted", Volumes: volumes(Volume{}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Mount(lost); h.Remap(lost) }, Clear: both,
					Want: and(Outcome{remediate.RemappedInUse, remediate.Refused, "in use", whole}),
				},
			},
		},
		{
			Name: "foreign path", Volumes: volumes(Volume{}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Remap(lost, B) }, Clear: both,
					Want: and(Outcome{remediate.Remapped, remediate.Removed, "", Remains{Map: true, Disks: 1}}),
				},
				{Clear: both, Want: and(Outcome{remediate.Healthy, remediate.Refused, "evidence", Remains{Map: true, Disks: 1}})},
			},
		},
		{
			Name: "outage", Volumes: volumes(Volume{Queue: true}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Cut(Sides()...) }, Clear: both,
					Options: []remediate.Option{remediate.WithMaxDead(1)},
					Want: map[string]Outcome{
						kept: {remediate.Unreachable, remediate.Refused, "evidence", whole},
						lost: {remediate.Unreachable, remediate.Refused, "evidence", waits},
					},
				},
				{
					Happens: func(h Host) { h.Mend(Sides()...) }, Clear: both,
					Want: and(Outcome{remediate.Healthy, remediate.Refused, "evidence", waits}),
				},
			},
		},
		{
			Name: "outage of one portal", Volumes: volumes(Volume{}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Cut(B) }, Clear: both,
					Want: map[string]Outcome{
						kept: {remediate.Degraded, remediate.Refused, "evidence", whole},
						lost: {remediate.Degraded, remediate.Refused, "evidence", whole},
					},
				},
				{
					Happens: func(h Host) { h.Unmap(lost, A) }, Clear: both,
					Want: map[string]Outcome{
						kept: {remediate.Degraded, remediate.Refused, "evidence", whole},
						lost: {remediate.Unreachable, remediate.Refused, "evidence", whole},
					},
				},
			},
		},
		{
			Name: "bare disks", Volumes: volumes(Volume{Bare: true}),
			Acts: []Act{
				{Clear: both, Want: and(Outcome{remediate.Healthy, remediate.Refused, "evidence", Remains{Disks: 2}})},
				{Happens: func(h Host) { h.Unmap(lost) }, Clear: both, Want: and(Outcome{remediate.OrphanPath, remediate.Removed, "", nothing})},
			},
		},
		{
			Name: "empty map", Volumes: volumes(Volume{Queue: true}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Unmap(lost); h.Empty(lost) }, Clear: both,
					Want: and(Outcome{remediate.EmptyMap, remediate.Removed, "", nothing}),
				},
			},
		},
		{
			Name: "disks deleted by hand", Volumes: volumes(Volume{}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Unmap(lost); h.DeleteDisks(lost) }, Clear: both,
					Want: and(Outcome{remediate.Unknown, remediate.Absent, "", nothing}),
				},
			},
		},
		{
			Name: "mapped again", Volumes: volumes(Volume{Queue: true}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Unmap(lost); h.Restore(lost) }, Clear: both,
					Want: and(Outcome{remediate.Healthy, remediate.Refused, "evidence", waits}),
				},
			},
		},
		{
			Name: "suspended", Volumes: volumes(Volume{}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Unmap(lost); h.Suspend(lost) }, Clear: both,
					Want: and(Outcome{remediate.Suspended, remediate.Refused, "evidence", whole}),
				},
				{Happens: func(h Host) { h.Resume(lost) }, Clear: both, Want: and(Outcome{remediate.Stale, remediate.Removed, "", nothing})},
			},
		},
		{
			Name: "partitioned", Volumes: volumes(Volume{}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Partition(lost); h.Unmap(lost) }, Clear: both,
					Want: and(Outcome{remediate.Stale, remediate.Removed, "", nothing}),
				},
			},
		},
		{
			Name: "LVM on it", Volumes: volumes(Volume{}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Stack(lost); h.Unmap(lost) }, Clear: both,
					Want: and(Outcome{remediate.StaleInUse, remediate.Refused, "in use", whole}),
				},
			},
		},
		{
			Name: "somebody else's", Volumes: volumes(Volume{}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.Unmap(lost) }, Clear: []string{lost},
					Options: []remediate.Option{remediate.WithOwner(NotMine)},
					Want:    beside(Outcome{remediate.Stale, remediate.Refused, "not owned", whole}, Outcome{remediate.Healthy, "", "", whole}),
				},
			},
		},
		{
			Name: "one WWID twice", Volumes: volumes(Volume{Twin: true}),
			Acts: []Act{
				{Clear: both, Want: and(Outcome{remediate.Ambiguous, remediate.Refused, "evidence", whole})},
				{
					Happens: func(h Host) { h.Unmap(lost, B) }, Clear: both,
					Want: and(Outcome{remediate.Ambiguous, remediate.Refused, "evidence", whole}),
				},
			},
		},
		{
			Name: "slow delete", Debug: true, Volumes: volumes(Volume{}),
			Acts: []Act{
				{
					Happens: func(h Host) { h.SlowDelete(lost); h.Unmap(lost) }, Clear: both, Until: remediate.DeletePath,
					Want: and(Outcome{remediate.Stale, remediate.Stuck, "stuck", Remains{Disks: 2}}),
				},
				{
					Happens: func(h Host) { h.HurryDelete(lost) }, Clear: both,
					Want: and(Outcome{remediate.OrphanPath, remediate.Removed, "", nothing}),
				},
			},
		},
	}
}

// The volume that something happens to, and the one beside it.
const lost, kept = "lost", "kept"

var (
	both    = []string{lost, kept}
	nothing = Remains{}
	whole   = Remains{Map: true, Disks: 2}
	waits   = Remains{Map: true, Disks: 2, Queueing: true}
)

// volumes are the one that something happens to, at LUN 2, and the one beside it.
func volumes(v Volume) []Volume {
	v.Name, v.LUN = lost, 2
	return []Volume{{Name: kept, LUN: 1}, v}
}

// and is what is wanted of both, when both were to be cleared and the one beside
// it is well.
func and(o Outcome) map[string]Outcome {
	return beside(o, Outcome{remediate.Healthy, remediate.Refused, "evidence", whole})
}

func beside(o, other Outcome) map[string]Outcome { return map[string]Outcome{lost: o, kept: other} }
