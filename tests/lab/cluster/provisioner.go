package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	storage "k8s.io/api/storage/v1"
	failures "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// The provisioner that the lab's storage class names, and the annotations by which scheduler and
// volume controller hand a claim to it.
const (
	provisionerName    = "lab.aictl/folder"
	selectedNode       = "volume.kubernetes.io/selected-node"
	storageProvisioner = "volume.kubernetes.io/storage-provisioner"
	provisionedBy      = "pv.kubernetes.io/provisioned-by"
)

// provisioner gives each claim a folder on the node that the scheduler chose, as a volume of type
// `local`, and removes both when the claim is gone. Capacity is not enforced.
type provisioner struct {
	client kubernetes.Interface
	folder string
}

// provision KUBECONFIG FOLDER: runs until it is stopped.
func provision(ctx context.Context, arguments []string) error {
	if len(arguments) != 2 {
		return errors.New("usage: provisioner KUBECONFIG FOLDER")
	}
	access, err := clientcmd.BuildConfigFromFlags("", arguments[0])
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(access)
	if err != nil {
		return err
	}
	worker := provisioner{client, arguments[1]}
	factory := informers.NewSharedInformerFactory(client, 0)
	claims, volumes := factory.Core().V1().PersistentVolumeClaims(), factory.Core().V1().PersistentVolumes()
	// One bell for any change, one worker that looks at everything: nothing is done twice at once.
	bell := make(chan struct{}, 1)
	ring := func() {
		select {
		case bell <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { ring() },
		UpdateFunc: func(any, any) { ring() },
		DeleteFunc: func(any) { ring() },
	}
	for _, informer := range []cache.SharedIndexInformer{claims.Informer(), volumes.Informer()} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-bell:
		}
		found, _ := claims.Lister().List(labels.Everything())
		made, _ := volumes.Lister().List(labels.Everything())
		if err := worker.look(ctx, found, made); err != nil {
			klog.ErrorS(err, "Trying again")
			time.AfterFunc(time.Second, ring)
		}
	}
}

func (worker provisioner) look(ctx context.Context, claims []*core.PersistentVolumeClaim, volumes []*core.PersistentVolume) error {
	var all []error
	for _, claim := range claims {
		if claim.Spec.VolumeName == "" && claim.Annotations[storageProvisioner] == provisionerName &&
			claim.Annotations[selectedNode] != "" && claim.DeletionTimestamp == nil {
			all = append(all, worker.create(ctx, claim))
		}
	}
	for _, volume := range volumes {
		if volume.Annotations[provisionedBy] == provisionerName && volume.DeletionTimestamp == nil &&
			volume.Status.Phase == core.VolumeReleased && volume.Spec.PersistentVolumeReclaimPolicy == core.PersistentVolumeReclaimDelete {
			all = append(all, worker.remove(ctx, volume))
		}
	}
	return errors.Join(all...)
}

func (worker provisioner) create(ctx context.Context, claim *core.PersistentVolumeClaim) error {
	class, err := worker.client.StorageV1().StorageClasses().Get(ctx, *claim.Spec.StorageClassName, meta.GetOptions{})
	if err != nil {
		return err
	}
	name := "pvc-" + string(claim.UID)
	path := filepath.Join(worker.folder, name)
	// Open to every user: a pod without fsGroup writes as whatever user its image says.
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	if err := os.Chmod(path, 0o777); err != nil {
		return err
	}
	_, err = worker.client.CoreV1().PersistentVolumes().Create(ctx, volume(name, path, claim, class), meta.CreateOptions{})
	if err == nil {
		klog.InfoS("Created", "volume", name, "claim", klog.KObj(claim))
	} else if failures.IsAlreadyExists(err) {
		return nil
	}
	return err
}

func volume(name, path string, claim *core.PersistentVolumeClaim, class *storage.StorageClass) *core.PersistentVolume {
	return &core.PersistentVolume{
		ObjectMeta: meta.ObjectMeta{Name: name, Annotations: map[string]string{provisionedBy: provisionerName}},
		Spec: core.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *class.ReclaimPolicy,
			AccessModes:                   claim.Spec.AccessModes,
			VolumeMode:                    claim.Spec.VolumeMode,
			StorageClassName:              class.Name,
			MountOptions:                  class.MountOptions,
			Capacity:                      core.ResourceList{core.ResourceStorage: claim.Spec.Resources.Requests[core.ResourceStorage]},
			PersistentVolumeSource:        core.PersistentVolumeSource{Local: &core.LocalVolumeSource{Path: path}},
			ClaimRef: &core.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name,
				UID: claim.UID, ResourceVersion: claim.ResourceVersion,
			},
			NodeAffinity: &core.VolumeNodeAffinity{Required: &core.NodeSelector{NodeSelectorTerms: []core.NodeSelectorTerm{{
				MatchExpressions: []core.NodeSelectorRequirement{{
					Key: core.LabelHostname, Operator: core.NodeSelectorOpIn, Values: []string{claim.Annotations[selectedNode]},
				}},
			}}}},
		},
	}
}

func (worker provisioner) remove(ctx context.Context, volume *core.PersistentVolume) error {
	if volume.Spec.Local == nil || !strings.HasPrefix(volume.Spec.Local.Path, worker.folder+"/pvc-") {
		return fmt.Errorf("volume %s is not in %s", volume.Name, worker.folder)
	}
	if err := os.RemoveAll(volume.Spec.Local.Path); err != nil {
		return err
	}
	if err := worker.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, meta.DeleteOptions{}); err != nil {
		return err
	}
	klog.InfoS("Removed", "volume", volume.Name)
	return nil
}
