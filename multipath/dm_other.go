//go:build !linux

package multipath

import (
	stderrors "errors"
	"io"

	"github.com/pkg/errors"
)

func openControl(string) (Control, io.Closer, error) {
	return nil, nil, errors.WithStack(stderrors.ErrUnsupported)
}
