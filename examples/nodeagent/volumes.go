package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/lunsweep/lunsweep/remediate"
)

// volumes answers whose a LU is, from the cluster's PersistentVolumes and
// VolumeAttachments. What it cannot find out is an error, which the library takes
// as unknown: no answer is never "nothing is attached".
type volumes struct {
	client      kubernetes.Interface
	cfg         config
	pvs         cache.SharedIndexInformer
	attachments cache.SharedIndexInformer
}

const byWWID = "wwid"

// watchVolumes starts informers that keep PersistentVolumes and VolumeAttachments
// at hand until ctx ends. It does not wait for them.
func watchVolumes(ctx context.Context, client kubernetes.Interface, cfg config) *volumes {
	factory := informers.NewSharedInformerFactory(client, 10*time.Minute)
	v := &volumes{
		client: client, cfg: cfg,
		pvs:         factory.Core().V1().PersistentVolumes().Informer(),
		attachments: factory.Storage().V1().VolumeAttachments().Informer(),
	}
	// Neither fails before the informer has been started.
	_ = v.pvs.AddIndexers(cache.Indexers{byWWID: v.pvWWIDs})
	_ = v.attachments.AddIndexers(cache.Indexers{byWWID: v.attachmentWWIDs})
	factory.Start(ctx.Done())
	return v
}

// synced reports whether both informers have seen the whole of the cluster.
func (v *volumes) synced() bool { return v.pvs.HasSynced() && v.attachments.HasSynced() }

// pvWWIDs indexes our driver's PersistentVolumes by WWID.
func (v *volumes) pvWWIDs(obj any) ([]string, error) {
	pv, ok := obj.(*corev1.PersistentVolume)
	if !ok || pv.Spec.CSI == nil || pv.Spec.CSI.Driver != v.cfg.driver {
		return nil, nil
	}
	return wwidsOf(pv.Spec.CSI.VolumeAttributes[v.cfg.wwidKey]), nil
}

// attachmentWWIDs indexes our driver's VolumeAttachments, of any node, by WWID.
func (v *volumes) attachmentWWIDs(obj any) ([]string, error) {
	va, ok := obj.(*storagev1.VolumeAttachment)
	if !ok || va.Spec.Attacher != v.cfg.driver {
		return nil, nil
	}
	return wwidsOf(va.Status.AttachmentMetadata[v.cfg.wwidKey]), nil
}

// Claim is a remediate.Owner. A LU is ours where exactly one PersistentVolume of
// our driver has its WWID.
func (v *volumes) Claim(ctx context.Context, lu remediate.Subject) (remediate.Claim, error) {
	pv, err := v.find(lu.WWID)
	if err != nil || pv == nil {
		return remediate.Claim{Source: "no PersistentVolume of " + v.cfg.driver + " has this WWID"}, err
	}
	attached, err := v.attachedHere(ctx, pv)
	if err != nil {
		return remediate.Claim{}, err
	}
	c := remediate.Claim{Owner: remediate.Mine, Source: "PersistentVolume " + pv.Name}
	if attached {
		c.Source += ", attached to this node"
		return c, nil
	}
	c.Source += ", not attached to this node"
	c.Detached = v.cfg.attest
	return c, nil
}

// volumeName is the PersistentVolume that a LU belongs to, "" where none is known.
func (v *volumes) volumeName(wwid string) string {
	if pv, err := v.find(wwid); err == nil && pv != nil {
		return pv.Name
	}
	return ""
}

// find is our driver's PersistentVolume with this WWID, nil where there is none.
func (v *volumes) find(wwid string) (*corev1.PersistentVolume, error) {
	if !v.synced() {
		return nil, errors.New("the cluster's volumes have not been read yet")
	}
	found, err := v.pvs.GetIndexer().ByIndex(byWWID, wwid)
	if err != nil {
		return nil, err
	}
	for _, obj := range v.attached(wwid) {
		if pv := v.pvNamed(obj.Spec.Source.PersistentVolumeName); pv != nil {
			found = append(found, pv)
		}
	}
	return only(found, wwid)
}

// only is the one PersistentVolume among what was found, however often.
func only(found []any, wwid string) (*corev1.PersistentVolume, error) {
	var one *corev1.PersistentVolume
	for _, obj := range found {
		pv := obj.(*corev1.PersistentVolume)
		if one != nil && one.Name != pv.Name {
			return nil, fmt.Errorf("PersistentVolumes %s and %s both have WWID %s", one.Name, pv.Name, wwid)
		}
		one = pv
	}
	return one, nil
}

// attached lists the VolumeAttachments whose metadata have this WWID.
func (v *volumes) attached(wwid string) []*storagev1.VolumeAttachment {
	found, _ := v.attachments.GetIndexer().ByIndex(byWWID, wwid) // it fails for an unknown index only
	var out []*storagev1.VolumeAttachment
	for _, obj := range found {
		out = append(out, obj.(*storagev1.VolumeAttachment))
	}
	return out
}

func (v *volumes) pvNamed(name *string) *corev1.PersistentVolume {
	if name == nil {
		return nil
	}
	obj, found, err := v.pvs.GetIndexer().GetByKey(*name)
	if err != nil || !found {
		return nil
	}
	pv := obj.(*corev1.PersistentVolume)
	if pv.Spec.CSI == nil || pv.Spec.CSI.Driver != v.cfg.driver {
		return nil
	}
	return pv
}

// attachedHere asks the API server itself: what the informers hold may be old, as
// when the network between them is down. Only where both know of no attachment
// to this node is there none.
func (v *volumes) attachedHere(ctx context.Context, pv *corev1.PersistentVolume) (bool, error) {
	name := attachmentName(pv.Spec.CSI.VolumeHandle, v.cfg.driver, v.cfg.node)
	_, err := v.client.StorageV1().VolumeAttachments().Get(ctx, name, metav1.GetOptions{})
	switch {
	case err == nil:
		return true, nil
	case !apierrors.IsNotFound(err):
		return false, fmt.Errorf("ask for VolumeAttachment %s: %w", name, err)
	}
	for _, obj := range v.attachments.GetStore().List() {
		va := obj.(*storagev1.VolumeAttachment)
		if va.Spec.NodeName == v.cfg.node && va.Spec.Source.PersistentVolumeName != nil && *va.Spec.Source.PersistentVolumeName == pv.Name {
			return true, nil
		}
	}
	return false, nil
}

// attachmentName is what Kubernetes calls the VolumeAttachment of a CSI volume
// (pkg/volume/csi, getAttachmentName).
func attachmentName(handle, driver, node string) string {
	return fmt.Sprintf("csi-%x", sha256.Sum256([]byte(handle+driver+node)))
}
