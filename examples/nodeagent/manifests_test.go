package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/lunsweep/lunsweep/remediate/remediatetest"
)

// manifests decodes every object, and knows no field that the API does not.
func manifests(t *testing.T) []runtime.Object {
	t.Helper()
	b, err := os.ReadFile("manifests/nodeagent.yaml")
	require.NoError(t, err)
	decode := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	var all []runtime.Object
	for r := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(b))); ; {
		doc := make([]byte, 1<<16)
		n, err := r.Read(doc)
		if err == io.EOF {
			return all
		}
		require.NoError(t, err)
		obj, _, err := decode.Decode(doc[:n], nil, nil)
		require.NoError(t, err, "%s", doc[:n])
		all = append(all, obj)
	}
}

// The rules allow what the agent does, and nothing that it does not.
func TestLeastPrivilege(t *testing.T) {
	allowed := map[string]bool{}
	for _, obj := range manifests(t) {
		var rules []rbacv1.PolicyRule
		switch o := obj.(type) {
		case *rbacv1.ClusterRole:
			rules = o.Rules
		case *rbacv1.Role:
			rules = o.Rules
		}
		for _, r := range rules {
			for _, res := range r.Resources {
				for _, verb := range r.Verbs {
					allowed[verb+" "+res] = false
				}
			}
		}
	}
	b := newBench(t, "residual", func(c *config) { c.apply = true }, volume("vol-pg-7", remediatetest.WWIDb))
	require.NoError(t, b.round(context.Background()))
	b.eventually(t, "ResidualRemoved")
	for _, a := range b.client.Actions() {
		res := a.GetResource().Resource
		if a.GetSubresource() != "" {
			res += "/" + a.GetSubresource()
		}
		_, ok := allowed[a.GetVerb()+" "+res]
		require.True(t, ok, "%s %s is not allowed", a.GetVerb(), res)
		allowed[a.GetVerb()+" "+res] = true
	}
	allowed["patch events"] = true // joins an Event's repetitions, of which one round has none
	for rule, used := range allowed {
		require.True(t, used, "nothing needs %q", rule)
	}
}

// The manifest's flags are flags, and it does not remove anything.
func TestDaemonSet(t *testing.T) {
	found := false
	for _, obj := range manifests(t) {
		ds, ok := obj.(*appsv1.DaemonSet)
		if !ok {
			continue
		}
		found = true
		args := slices.Clone(ds.Spec.Template.Spec.Containers[0].Args)
		c, err := parseFlags(append(args, "-node", "n"), io.Discard)
		require.NoError(t, err)
		require.False(t, c.apply)
		require.True(t, ds.Spec.Template.Spec.HostPID)
	}
	require.True(t, found)
}
