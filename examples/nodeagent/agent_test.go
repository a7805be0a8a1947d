package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

const (
	node   = "worker-3"
	driver = "csi.example.com"
)

// volume is a PersistentVolume of our driver.
func volume(name, wwid string) *corev1.PersistentVolume {
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: driver, VolumeHandle: "handle-" + name, VolumeAttributes: map[string]string{"wwid": wwid},
			}},
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Capacity:    corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("10Gi")},
		},
	}
}

// attachment attaches a volume to a node.
func attachment(pv *corev1.PersistentVolume, to string) *storagev1.VolumeAttachment {
	return &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: attachmentName(pv.Spec.CSI.VolumeHandle, driver, to)},
		Spec:       storagev1.VolumeAttachmentSpec{Attacher: driver, NodeName: to, Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &pv.Name}},
	}
}

// bench is an agent on a simulated host and a simulated cluster.
type bench struct {
	*agent
	host   *remediatetest.Host
	client *fake.Clientset
}

func newBench(t *testing.T, preset string, change func(*config), cluster ...runtime.Object) *bench {
	t.Helper()
	client := fake.NewClientset(append(cluster, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}})...)
	a, h := newAgent(t, client, preset, change)
	return &bench{agent: a, host: h, client: client}
}

// newAgent is an agent on a simulated host, and on any cluster.
func newAgent(t *testing.T, client kubernetes.Interface, preset string, change func(*config)) (*agent, *remediatetest.Host) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	cfg := config{node: node, driver: driver, wwidKey: "wwid", interval: time.Minute, timeout: time.Minute, maxDead: 0.5, condition: true}
	if change != nil {
		change(&cfg)
	}
	h := remediatetest.New(t)
	h.Stage(preset)
	vols := watchVolumes(ctx, client, cfg)
	require.Eventually(t, vols.synced, 30*time.Second, time.Millisecond)
	sweeper, err := newSweeper(cfg, vols.Claim, slog.New(slog.DiscardHandler), remediate.WithSystem(h.System()))
	require.NoError(t, err)
	events, closing := newEvents(client, node)
	t.Cleanup(closing)
	return &agent{
		cfg: cfg, log: slog.New(slog.DiscardHandler), sweeper: sweeper, volumes: vols, metrics: newMetrics(), events: events,
		condition: conditionWriter{client: client, node: node}, now: time.Now,
	}, h
}

// status is the node's condition, as the API server has it.
func (b *bench) status(t *testing.T) corev1.NodeCondition {
	t.Helper()
	n, err := b.client.CoreV1().Nodes().Get(context.Background(), node, metav1.GetOptions{})
	require.NoError(t, err)
	require.Len(t, n.Status.Conditions, 1)
	return n.Status.Conditions[0]
}

// eventually waits for an Event of this reason.
func (b *bench) eventually(t *testing.T, reason string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, a := range b.client.Actions() {
			if c, ok := a.(clienttesting.CreateAction); ok && a.GetResource().Resource == "events" && c.GetObject().(*corev1.Event).Reason == reason {
				return true
			}
		}
		return false
	}, 30*time.Second, 5*time.Millisecond, "no Event %s", reason)
}

// Without -apply it reports, and changes nothing.
func TestDryRun(t *testing.T) {
	b := newBench(t, "residual", nil, volume("vol-pg-7", remediatetest.WWIDb))
	require.NoError(t, b.round(context.Background()))
	require.Empty(t, b.host.Actions())
	require.Equal(t, 1.0, testutil.ToFloat64(b.metrics.residual.WithLabelValues(remediatetest.WWIDb, "vol-pg-7", "stale", "yes")))
	require.Equal(t, corev1.ConditionTrue, b.status(t).Status)
	b.eventually(t, "ResidualFound")
}

// With -apply what is dead, unused and ours goes, and the condition with it.
func TestApply(t *testing.T) {
	b := newBench(t, "residual", func(c *config) { c.apply = true }, volume("vol-pg-7", remediatetest.WWIDb))
	require.NoError(t, b.round(context.Background()))
	require.Contains(t, b.host.Actions(), "sdi delete")
	require.Equal(t, 1.0, testutil.ToFloat64(b.metrics.results.WithLabelValues("removed")))
	require.Equal(t, corev1.ConditionFalse, b.status(t).Status, "%+v", b.status(t))
	b.eventually(t, "ResidualRemoved")
	require.NoError(t, b.round(context.Background()))
	require.Equal(t, 1.0, testutil.ToFloat64(b.metrics.rounds.WithLabelValues("ok"))-1)
}

// The age of the oldest leftover counts from when it was first seen.
func TestAge(t *testing.T) {
	b := newBench(t, "residual", nil)
	start := time.Now()
	b.now = func() time.Time { return start }
	require.NoError(t, b.round(context.Background()))
	b.now = func() time.Time { return start.Add(time.Hour) }
	require.NoError(t, b.round(context.Background()))
	require.Equal(t, 3600.0, testutil.ToFloat64(b.metrics.age))
}

// Somebody else's, nobody's, and twofold volumes stay.
func TestNotOurs(t *testing.T) {
	other := volume("other", remediatetest.WWIDb)
	other.Spec.CSI.Driver = "csi.other.example"
	for name, cluster := range map[string][]runtime.Object{
		"unknown": nil,
		"another": {other},
		"twofold": {volume("a", remediatetest.WWIDb), volume("b", "naa."+remediatetest.WWIDb[1:])},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "residual", func(c *config) { c.apply = true }, cluster...)
			require.NoError(t, b.round(context.Background()))
			require.Empty(t, b.host.Actions())
			require.Equal(t, 1.0, testutil.ToFloat64(b.metrics.residual.WithLabelValues(remediatetest.WWIDb, b.volumes.volumeName(remediatetest.WWIDb), "stale", "no")))
		})
	}
}

// An API server that does not answer makes everybody's ownership unknown; it is
// never taken for "nothing is attached".
func TestAPIDown(t *testing.T) {
	b := newBench(t, "outage", func(c *config) { c.apply, c.attest = true, true }, volume("vol-pg-7", remediatetest.WWIDb))
	down := func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("connection refused")
	}
	b.client.PrependReactor("get", "volumeattachments", down)
	_, err := b.volumes.Claim(context.Background(), remediate.Subject{WWID: remediatetest.WWIDb})
	require.ErrorContains(t, err, "connection refused")
	require.NoError(t, b.round(context.Background()))
	require.Empty(t, b.host.Actions())
}

// Before the informers have seen the cluster nothing is known.
func TestNotSynced(t *testing.T) {
	client := fake.NewClientset(volume("vol-pg-7", remediatetest.WWIDb))
	never, cancel := context.WithCancel(context.Background())
	cancel()
	v := watchVolumes(never, client, config{node: node, driver: driver, wwidKey: "wwid"})
	_, err := v.Claim(context.Background(), remediate.Subject{WWID: remediatetest.WWIDb})
	require.Error(t, err)
}

// A volume is attested as detached only on request, and only where neither the
// API server nor the informers know of an attachment to this node.
func TestDetached(t *testing.T) {
	pv := volume("vol-pg-7", remediatetest.WWIDb)
	odd := attachment(pv, node)
	odd.Name = "made-by-hand"
	for name, c := range map[string]struct {
		attest   bool
		attached *storagev1.VolumeAttachment
		want     bool
	}{
		"not asked for":                {false, nil, false},
		"detached":                     {true, nil, true},
		"attached elsewhere":           {true, attachment(pv, "worker-9"), true},
		"attached here":                {true, attachment(pv, node), false},
		"attached here, by hand":       {true, odd, false},
		"attached here, and not asked": {false, attachment(pv, node), false},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := []runtime.Object{pv}
			if c.attached != nil {
				cluster = append(cluster, c.attached)
			}
			b := newBench(t, "clean", func(cfg *config) { cfg.attest = c.attest }, cluster...)
			claim, err := b.volumes.Claim(context.Background(), remediate.Subject{WWID: remediatetest.WWIDb})
			require.NoError(t, err)
			require.Equal(t, remediate.Mine, claim.Owner)
			require.Equal(t, c.want, claim.Detached)
		})
	}
}

// When too much looks dead at once the agent says so and does nothing.
func TestBreaker(t *testing.T) {
	b := newBench(t, "residual", func(c *config) { c.apply, c.maxDead = true, 0.1 }, volume("vol-pg-7", remediatetest.WWIDb))
	var breaker *remediate.BreakerError
	require.ErrorAs(t, b.round(context.Background()), &breaker)
	require.Empty(t, b.host.Actions())
	require.Equal(t, 1.0, testutil.ToFloat64(b.metrics.rounds.WithLabelValues("breaker")))
	b.eventually(t, "ResidualBreaker")
}
