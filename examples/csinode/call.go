package main

import (
	"context"
	"fmt"
	"io"

	"github.com/pkg/errors"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// call makes one call of the node service, for trying it out without a CO:
// method is "NodeStageVolume", request and answer are JSON.
func call(ctx context.Context, w io.Writer, endpoint, method, request string) error {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("csi.v1.Node." + method))
	m, ok := d.(protoreflect.MethodDescriptor)
	if err != nil || !ok {
		return errors.Errorf("the node service has no method %q", method)
	}
	in, out := dynamicpb.NewMessage(m.Input()), dynamicpb.NewMessage(m.Output())
	if request != "" {
		if err := protojson.Unmarshal([]byte(request), in); err != nil {
			return errors.WithStack(err)
		}
	}
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return errors.WithStack(err)
	}
	defer conn.Close()
	if err := conn.Invoke(ctx, "/csi.v1.Node/"+method, in, out, grpc.WaitForReady(true)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, protojson.Format(out))
	return err
}
