package main

import (
	"strconv"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/lunsweep/lunsweep/scsi"
)

// A volume is what the node keeps of one, and how it is reached: the controller
// gives it in the publish context.
type volume struct {
	ID      string   `json:"id"`
	WWID    string   `json:"wwid"` // as multipath prints it
	Target  string   `json:"target"`
	Portals []string `json:"portals"`
	LUN     uint64   `json:"lun"`
}

// volumeOf reads a request: publish_context has "wwid" (in any form of
// scsi.ParseName), "target", "portals" (address:port, separated by commas) and
// "lun".
func volumeOf(req *csi.NodeStageVolumeRequest) (volume, error) {
	c := req.GetPublishContext()
	err := required("volume_id", req.GetVolumeId(), "staging_target_path", req.GetStagingTargetPath())
	if err != nil {
		return volume{}, err
	}
	if req.GetVolumeCapability().GetMount() == nil {
		return volume{}, status.Error(codes.InvalidArgument, "volume_capability: only mount volumes are supported")
	}
	if err := required("wwid", c["wwid"], "target", c["target"], "portals", c["portals"], "lun", c["lun"]); err != nil {
		return volume{}, err
	}
	name, err := scsi.ParseName(c["wwid"])
	if err != nil {
		return volume{}, status.Errorf(codes.InvalidArgument, "wwid %q: %v", c["wwid"], err)
	}
	lun, err := strconv.ParseUint(c["lun"], 10, 64)
	if err != nil {
		return volume{}, status.Errorf(codes.InvalidArgument, "lun %q is no number", c["lun"])
	}
	return volume{
		ID: req.GetVolumeId(), WWID: name.WWID(), Target: c["target"], Portals: strings.Split(c["portals"], ","), LUN: lun,
	}, nil
}
