package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

const text = "mpathb (360014055e7) dm-12 ##,##\nsize=10G features='1 queue_if_no_path' hwhandler='0' wp=rw\n"

func TestRun(t *testing.T) {
	tests := []struct {
		name string
		in   io.Reader
		code int
		out  string
	}{
		{"map", strings.NewReader(text), 0, `{"maps":[{"alias":"mpathb","wwid":"360014055e7","dm":"dm-12","vendor":"##","product":"##","size":"10G",` +
			`"features":"1 queue_if_no_path","hwhandler":"0","wp":"rw","groups":[]}]}`},
		{"JSON", strings.NewReader(`{"maps":[]}`), 0, `{"maps":[]}`},
		{"nothing", strings.NewReader(""), 0, `{"maps":[]}`},
		{"messages", strings.NewReader("4735.224337 | b\nBus error\n"), 0, `{"maps":[]}`},
		{"cut off", strings.NewReader(text[:70]), 1, ""},
		{"error reply", strings.NewReader("fail\ntimeout\n"), 1, ""},
		{"unreadable", iotest.ErrReader(errors.New("broken")), 1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			require.Equal(t, tt.code, run(tt.in, &out, &errs), errs.String())
			require.Equal(t, tt.out, strings.TrimSpace(out.String()))
			if tt.code != 0 {
				require.Equal(t, 1, strings.Count(errs.String(), "\n"), errs.String())
				return
			}
			require.True(t, json.Valid(out.Bytes()))
		})
	}
}

func TestRunCannotWrite(t *testing.T) {
	in, out := io.Pipe()
	require.NoError(t, in.Close())
	require.Equal(t, 1, run(strings.NewReader(text), out, io.Discard))
}
