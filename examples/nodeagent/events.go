package main

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"

	"github.com/lunsweep/lunsweep/remediate"
)

// events tells the node's Events what was found and done. The recorder joins
// repetitions and limits their rate.
type events struct {
	recorder record.EventRecorder
	node     *corev1.ObjectReference
}

// newEvents records Events about the node. close lets the last ones out.
func newEvents(client kubernetes.Interface, node string) (e events, closing func()) {
	b := record.NewBroadcaster()
	b.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	closing = func() {
		time.Sleep(100 * time.Millisecond) // the broadcaster has no way to say that it has sent all
		b.Shutdown()
	}
	return events{
		recorder: b.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "lunsweep", Host: node}),
		node:     &corev1.ObjectReference{Kind: "Node", APIVersion: "v1", Name: node, UID: types.UID(node)},
	}, closing
}

// planned tells of each LU that ought to go, and of a circuit breaker that has
// tripped.
func (e events) planned(p *remediate.Plan, err error) {
	var breaker *remediate.BreakerError
	if errors.As(err, &breaker) {
		e.recorder.Event(e.node, corev1.EventTypeWarning, "ResidualBreaker", breaker.Error())
	}
	for _, d := range p.Survey.Residual() {
		e.recorder.Event(e.node, corev1.EventTypeWarning, "ResidualFound", found(d))
	}
}

// result tells what became of a LU.
func (e events) result(r remediate.Result) {
	switch r.Outcome {
	case remediate.Removed:
		e.recorder.Event(e.node, corev1.EventTypeNormal, "ResidualRemoved", r.WWID+": "+r.Reason)
	case remediate.Absent:
	default:
		e.recorder.Event(e.node, corev1.EventTypeWarning, "ResidualLeft", r.WWID+" was left: "+r.Reason)
	}
}

func found(d remediate.Device) string {
	name := "no map"
	if d.Map != nil {
		name = "map " + d.Map.Name
	}
	return fmt.Sprintf("%s (%s) is %s: %s", d.WWID, name, d.Verdict, d.Reasons[0])
}
