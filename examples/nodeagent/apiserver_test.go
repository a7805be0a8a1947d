//go:build apiserver

// The agent on a real kube-apiserver, which the tests build and start: RBAC's
// word, not a fake client's. Building it takes minutes, and so it has a tag:
//
//	go test -tags apiserver -run '^TestServer' .
package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	authv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// A server is a running kube-apiserver with the manifests applied.
type server struct {
	cmd   *exec.Cmd
	host  string
	admin kubernetes.Interface
}

const adminToken = "the-tests-own"

// startServer builds the server and starts it empty.
func startServer(t *testing.T) *server {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "apiserver")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Dir, build.Env = "apiserver", append(os.Environ(), "CGO_ENABLED=0")
	begun := time.Now()
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("kube-apiserver was built in %s", time.Since(begun).Round(time.Second))

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tokens.csv"), []byte(adminToken+",admin,admin,system:masters\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sa.key"), signingKey(t), 0o600))
	port := freePort(t)
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	t.Cleanup(func() { log.Close() })
	s := &server{host: "https://127.0.0.1:" + port}
	s.cmd = exec.Command(bin, "-dir", dir, "-port", port, "-etcd", freePort(t)+","+freePort(t))
	s.cmd.Stdout, s.cmd.Stderr = log, log
	require.NoError(t, s.cmd.Start())
	t.Cleanup(s.kill)
	s.admin = s.client(t, adminToken)
	require.Eventually(t, func() bool {
		_, err := s.admin.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(t.Context())
		return err == nil
	}, 3*time.Minute, 200*time.Millisecond, "it is not ready, see %s", log.Name())
	return s
}

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// client speaks to it by a token.
func (s *server) client(t *testing.T, token string) kubernetes.Interface {
	t.Helper()
	c, err := kubernetes.NewForConfig(&rest.Config{Host: s.host, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{Insecure: true}, Timeout: 10 * time.Second})
	require.NoError(t, err)
	return c
}

// agentsClient is the client that the pods of the DaemonSet get: by a token of
// their service account.
func (s *server) agentsClient(t *testing.T) kubernetes.Interface {
	t.Helper()
	tr, err := s.admin.CoreV1().ServiceAccounts("lunsweep").CreateToken(t.Context(), "nodeagent", &authv1.TokenRequest{}, metav1.CreateOptions{})
	require.NoError(t, err)
	return s.client(t, tr.Status.Token)
}

func signingKey(t *testing.T) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// apply creates every object of the manifests.
func (s *server) apply(t *testing.T) {
	t.Helper()
	for _, obj := range manifests(t) {
		var err error
		switch o := obj.(type) {
		case *corev1.Namespace:
			_, err = s.admin.CoreV1().Namespaces().Create(t.Context(), o, metav1.CreateOptions{})
		case *corev1.ServiceAccount:
			_, err = s.admin.CoreV1().ServiceAccounts(o.Namespace).Create(t.Context(), o, metav1.CreateOptions{})
		case *rbacv1.ClusterRole:
			_, err = s.admin.RbacV1().ClusterRoles().Create(t.Context(), o, metav1.CreateOptions{})
		case *rbacv1.ClusterRoleBinding:
			_, err = s.admin.RbacV1().ClusterRoleBindings().Create(t.Context(), o, metav1.CreateOptions{})
		case *rbacv1.Role:
			_, err = s.admin.RbacV1().Roles(o.Namespace).Create(t.Context(), o, metav1.CreateOptions{})
		case *rbacv1.RoleBinding:
			_, err = s.admin.RbacV1().RoleBindings(o.Namespace).Create(t.Context(), o, metav1.CreateOptions{})
		case *appsv1.DaemonSet:
			_, err = s.admin.AppsV1().DaemonSets(o.Namespace).Create(t.Context(), o, metav1.CreateOptions{})
		default:
			t.Fatalf("the manifests have a %T", obj)
		}
		require.NoError(t, err)
	}
}

// attach creates a volume and its attachment to a node; the attachment, not the
// volume, knows the WWID, as where the attacher has learnt it from the array.
func (s *server) attach(t *testing.T, name, wwid, to string) {
	t.Helper()
	pv := volume(name, "")
	pv.Spec.CSI.VolumeAttributes = nil
	_, err := s.admin.CoreV1().PersistentVolumes().Create(t.Context(), pv, metav1.CreateOptions{})
	require.NoError(t, err)
	va, err := s.admin.StorageV1().VolumeAttachments().Create(t.Context(), attachment(pv, to), metav1.CreateOptions{})
	require.NoError(t, err)
	va.Status = storagev1.VolumeAttachmentStatus{Attached: true, AttachmentMetadata: map[string]string{"wwid": wwid}}
	_, err = s.admin.StorageV1().VolumeAttachments().UpdateStatus(t.Context(), va, metav1.UpdateOptions{})
	require.NoError(t, err)
}

// event waits for an Event about the node.
func (s *server) event(t *testing.T, reason string) {
	t.Helper()
	require.Eventually(t, func() bool {
		all, err := s.admin.CoreV1().Events("default").List(t.Context(), metav1.ListOptions{FieldSelector: "reason=" + reason + ",involvedObject.name=" + node})
		return err == nil && len(all.Items) > 0
	}, 30*time.Second, 50*time.Millisecond, "no Event %s", reason)
}

func (s *server) condition(t *testing.T) corev1.NodeCondition {
	t.Helper()
	n, err := s.admin.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
	require.NoError(t, err)
	for _, c := range n.Status.Conditions {
		if c.Type == conditionType {
			return c
		}
	}
	t.Fatalf("the node has the conditions %+v", n.Status.Conditions)
	return corev1.NodeCondition{}
}

// The agent with its service account's rights: it reports in dry run, removes
// with -apply what an attachment says is ours, may do nothing else, and removes
// nothing once the server is gone.
func TestServer(t *testing.T) {
	s := startServer(t)
	s.apply(t)
	ready := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady"}
	_, err := s.admin.CoreV1().Nodes().Create(t.Context(), &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: node}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{ready}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	s.attach(t, "vol-pg-7", remediatetest.WWIDb, node)
	client := s.agentsClient(t)
	applying := func(c *config) { c.apply, c.attest = true, true }

	t.Run("dry run", func(t *testing.T) {
		a, h := newAgent(t, client, "residual", nil)
		require.NoError(t, a.round(t.Context()))
		require.Empty(t, h.Actions())
		require.Equal(t, corev1.ConditionTrue, s.condition(t).Status)
		s.event(t, "ResidualFound")
		n, err := s.admin.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
		require.NoError(t, err)
		require.Len(t, n.Status.Conditions, 2, "the kubelet's own condition stays")
	})
	t.Run("apply", func(t *testing.T) {
		a, h := newAgent(t, client, "residual", applying)
		claim, err := a.volumes.Claim(t.Context(), remediate.Subject{WWID: remediatetest.WWIDb})
		require.NoError(t, err)
		require.Equal(t, remediate.Mine, claim.Owner)
		require.False(t, claim.Detached, "it is attached to this node")
		require.NoError(t, a.round(t.Context()))
		require.Contains(t, h.Actions(), "sdi delete")
		require.Equal(t, corev1.ConditionFalse, s.condition(t).Status)
		s.event(t, "ResidualRemoved")
	})
	t.Run("somebody else's", func(t *testing.T) {
		a, h := newAgent(t, client, "residual", func(c *config) { applying(c); c.driver = "csi.other.example" })
		require.NoError(t, a.round(t.Context()))
		require.Empty(t, h.Actions())
	})
	t.Run("no other right", func(t *testing.T) { forbidden(t, client) })
	t.Run("the server is gone", func(t *testing.T) {
		a, h := newAgent(t, client, "residual", applying)
		s.kill()
		_, err := a.volumes.Claim(t.Context(), remediate.Subject{WWID: remediatetest.WWIDb})
		require.Error(t, err)
		require.Error(t, a.round(t.Context()), "the condition cannot be written")
		require.Empty(t, h.Actions())
	})
}

// forbidden tries what the agent must not be able to do.
func forbidden(t *testing.T, c kubernetes.Interface) {
	core, storage := c.CoreV1(), c.StorageV1()
	list, patch := metav1.ListOptions{}, []byte(`{"metadata":{"labels":{"x":"y"}}}`)
	for name, do := range map[string]func(context.Context) error{
		"list secrets": func(ctx context.Context) error { _, err := core.Secrets("").List(ctx, list); return err },
		"list pods":    func(ctx context.Context) error { _, err := core.Pods("").List(ctx, list); return err },
		"list nodes":   func(ctx context.Context) error { _, err := core.Nodes().List(ctx, list); return err },
		"list claims":  func(ctx context.Context) error { _, err := core.PersistentVolumeClaims("").List(ctx, list); return err },
		"list events":  func(ctx context.Context) error { _, err := core.Events("default").List(ctx, list); return err },
		"delete a volume": func(ctx context.Context) error {
			return core.PersistentVolumes().Delete(ctx, "vol-pg-7", metav1.DeleteOptions{})
		},
		"delete a node": func(ctx context.Context) error { return core.Nodes().Delete(ctx, node, metav1.DeleteOptions{}) },
		"create an event elsewhere": func(ctx context.Context) error {
			_, err := core.Events("lunsweep").Create(ctx, &corev1.Event{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, metav1.CreateOptions{})
			return err
		},
		"a token": func(ctx context.Context) error {
			_, err := core.ServiceAccounts("lunsweep").CreateToken(ctx, "nodeagent", &authv1.TokenRequest{}, metav1.CreateOptions{})
			return err
		},
		"patch a node beyond its status": func(ctx context.Context) error {
			_, err := core.Nodes().Patch(ctx, node, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
			return err
		},
		"delete an attachment": func(ctx context.Context) error {
			return storage.VolumeAttachments().Delete(ctx, attachmentName("handle-vol-pg-7", driver, node), metav1.DeleteOptions{})
		},
		"bind a role": func(ctx context.Context) error {
			_, err := c.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "x"}}, metav1.CreateOptions{})
			return err
		},
	} {
		err := do(t.Context())
		require.True(t, apierrors.IsForbidden(err), "%s: %v", name, err)
	}
}
