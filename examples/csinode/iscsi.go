package main

import (
	"context"

	"github.com/pkg/errors"
)

// iscsiadm is the initiator open-iscsi, by its program.
type iscsiadm struct{ run runner }

// The exit statuses of iscsiadm that say that there was nothing to do
// (iscsiadm(8), EXIT STATUS).
const (
	iscsiSessionExists = 15
	iscsiNoObjects     = 21
)

// Login makes a record of each portal that scans for nothing by itself
// (node.session.scan manual): a LUN is looked for only when it was made ready.
func (i iscsiadm) Login(ctx context.Context, target string, portals []string) error {
	for _, portal := range portals {
		node := []string{"iscsiadm", "-m", "node", "-T", target, "-p", portal}
		for _, step := range [][]string{
			{"-o", "new"},
			{"-o", "update", "-n", "node.session.scan", "-v", "manual"},
			{"--login"},
		} {
			if _, err := i.run(ctx, append(node[:len(node):len(node)], step...)...); err != nil && !ended(err, iscsiSessionExists) {
				return err
			}
		}
	}
	return nil
}

// Rescan looks for new LUNs, and takes none away.
func (i iscsiadm) Rescan(ctx context.Context, target string) error {
	_, err := i.run(ctx, "iscsiadm", "-m", "node", "-T", target, "--rescan")
	if ended(err, iscsiNoObjects) {
		return errors.WithMessagef(err, "no session to %s", target)
	}
	return err
}

// ended reports whether a program ended with this status.
func ended(err error, status int) bool {
	var e *commandError
	return errors.As(err, &e) && e.Status == status
}
