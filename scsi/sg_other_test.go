//go:build !linux

package scsi

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOpenIsUnsupported(t *testing.T) {
	_, err := Open(t.Context(), "/dev/sdi")
	require.ErrorIs(t, err, errors.ErrUnsupported)
}
