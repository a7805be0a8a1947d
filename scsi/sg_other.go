//go:build !linux

package scsi

import (
	"context"
	"errors"
)

// openSG cannot: SG_IO is Linux's.
func openSG(context.Context, string, options) (Transport, error) {
	return nil, errors.ErrUnsupported
}
