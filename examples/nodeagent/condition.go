package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/lunsweep/lunsweep/remediate"
)

// conditionType is true where residual LUs are on the node.
const conditionType = "ResidualStorage"

// A conditionWriter writes one condition of its node's status.
type conditionWriter struct {
	client kubernetes.Interface
	node   string
}

// write merges the condition into the node's status, by its type; all others
// stay as they are.
func (w conditionWriter) write(ctx context.Context, c corev1.NodeCondition) error {
	node, err := w.client.CoreV1().Nodes().Get(ctx, w.node, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read the conditions of node %s: %w", w.node, err)
	}
	c.LastTransitionTime = c.LastHeartbeatTime
	for _, before := range node.Status.Conditions {
		if before.Type == c.Type && before.Status == c.Status {
			c.LastTransitionTime = before.LastTransitionTime
		}
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": []corev1.NodeCondition{c}}})
	if err != nil {
		return err
	}
	_, err = w.client.CoreV1().Nodes().Patch(ctx, w.node, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		return fmt.Errorf("write the condition of node %s: %w", w.node, err)
	}
	return nil
}

// conditionOf says what was seen; where nothing could be, that is unknown.
func conditionOf(s *remediate.Survey, left int, err error, now time.Time) corev1.NodeCondition {
	c := corev1.NodeCondition{Type: conditionType, Status: corev1.ConditionUnknown, Reason: "LookFailed", LastHeartbeatTime: metav1.NewTime(now)}
	switch {
	case s == nil:
		c.Message = "nothing could be seen: " + err.Error()
	case left > 0:
		c.Status, c.Reason = corev1.ConditionTrue, "ResidualFound"
		c.Message = fmt.Sprintf("LUs that ought to go: %d", left)
	case len(s.Gaps) > 0:
		c.Message = "not everything could be seen: " + s.Gaps[0].String()
	default:
		c.Status, c.Reason, c.Message = corev1.ConditionFalse, "NothingResidual", "nothing residual is left"
	}
	return c
}
