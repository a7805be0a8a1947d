package main

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ask(b *bench, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	b.handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

func TestEndpoints(t *testing.T) {
	b := newBench(t, "residual", nil)
	require.NoError(t, b.round(t.Context()))
	require.Equal(t, 200, ask(b, "/readyz").Code)
	require.Equal(t, 200, ask(b, "/healthz").Code)
	require.Contains(t, ask(b, "/metrics").Body.String(), `lunsweep_devices{verdict="stale"} 1`)
}

// Rounds that no longer end are what a restart is for.
func TestUnhealthy(t *testing.T) {
	b := newBench(t, "clean", nil)
	h := b.handler()
	later := time.Now().Add(time.Hour)
	b.now = func() time.Time { return later }
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	require.Equal(t, 503, w.Code)
}
