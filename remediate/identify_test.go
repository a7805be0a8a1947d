package remediate_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/remediate"
	"github.com/lunsweep/lunsweep/remediate/remediatetest"
	"github.com/lunsweep/lunsweep/scsi"
)

// link makes a symbolic link in the host's /dev.
func (s *scenario) link(t *testing.T, name, text string) string {
	t.Helper()
	p := filepath.Join(s.Tree(), "dev", name)
	require.NoError(t, os.MkdirAll(filepath.Dir(p), 0o755))
	_ = os.Remove(p)
	require.NoError(t, os.Symlink(text, p))
	return "/dev/" + name
}

// Every node and link that leads to the LU, and every form of its name.
func TestVerifyIdentity(t *testing.T) {
	s := before(t, remediatetest.Fail)
	bare := s.another("vol-bare").Path("sdk", s.a, 5)
	s.link(t, "disk/by-path/ip-10.0.0.1:3260-lun-1", "/dev/sdi")
	sw := s.sweeper(t)
	naa := s.lu.WWID()[1:]
	for _, device := range []string{
		"/dev/mapper/mpathb", "/dev/dm-12", "/dev/disk/by-id/wwn-0x" + naa, "/dev/disk/by-id/dm-uuid-mpath-3" + naa,
		"/dev/sdi", "/dev/sdj", "/dev/disk/by-path/ip-10.0.0.1:3260-lun-1",
	} {
		for _, wwid := range []string{"3" + naa, "naa." + naa, "0x" + naa, strings.ToUpper("3" + naa)} {
			require.NoError(t, sw.VerifyIdentity(within(t), device, wwid), "%s %s", device, wwid)
		}
	}
	require.NoError(t, sw.VerifyIdentity(within(t), "/dev/sdk", bare.WWID()))
	require.NoError(t, remediate.VerifyIdentity(within(t), "/dev/dm-12", s.lu.WWID(), remediate.WithSystem(s.System())))
	require.Empty(t, s.Actions(), "it changes nothing")
}

// What is not proven is refused, and says why; another LU in the place is named.
func TestVerifyIdentityRefuses(t *testing.T) {
	fresh := "360014051d8f7a3b9c6e40258d17b3f9e"
	for _, tt := range []struct {
		name   string
		host   func(*testing.T, *scenario)
		device string // /dev/mapper/mpathb where ""
		wwid   string // the volume's where ""
		got    string // the WWID that is named
		path   string
		reason string
		is     error
	}{
		{name: "the LUN was given to another volume", host: func(t *testing.T, s *scenario) { s.Remap(s.lu, s.another("new")) },
			got: fresh, path: "sdi", reason: "answers as another LU"},
		{name: "one path leads elsewhere", host: func(t *testing.T, s *scenario) { s.Remap(s.lu, s.another("new"), s.b) },
			got: fresh, path: "sdj", reason: "answers as another LU"},
		{name: "one path leads elsewhere, asked by the other", device: "/dev/sdi",
			host: func(t *testing.T, s *scenario) { s.Remap(s.lu, s.another("new"), s.b) }, got: fresh, path: "sdj"},
		{name: "the wanted volume answers under the old one's name", wwid: fresh,
			host: func(t *testing.T, s *scenario) { s.Remap(s.lu, s.another("new")) },
			got:  "360014055e7c14d0b8aa4f6e92d3b7c05", path: "sdi", reason: "to the kernel"},
		{name: "another volume", wwid: fresh, got: "360014055e7c14d0b8aa4f6e92d3b7c05", path: "sdi"},
		{name: "a link that misleads", device: "/dev/disk/by-id/wwn-0x60014055e7c14d0b8aa4f6e92d3b7c05",
			host: func(t *testing.T, s *scenario) {
				s.link(t, "disk/by-id/wwn-0x60014055e7c14d0b8aa4f6e92d3b7c05", "../../dm-11")
			}, got: "360014055a0b4e2f6d3c84b1a97f0e2d1", path: "sdb"},
		{name: "unmapped", host: func(t *testing.T, s *scenario) { s.Unmap(s.lu) }, path: "sdi", reason: "leads nowhere"},
		{name: "unmapped LUN 0", host: func(t *testing.T, s *scenario) { s.Disconnect(s.lu) }, path: "sdi", reason: "does not say which LU"},
		{name: "unmapped on one path", host: func(t *testing.T, s *scenario) { s.Unmap(s.lu, s.b) }, path: "sdj", reason: "leads nowhere"},
		{name: "an outage", host: func(t *testing.T, s *scenario) { s.Outage() }, path: "sdi", reason: "does not answer"},
		{name: "an outage of one path", host: func(t *testing.T, s *scenario) { s.Outage(s.b) }, path: "sdj", reason: "does not answer"},
		{name: "blocked", host: func(t *testing.T, s *scenario) { s.Stall(s.b) }, path: "sdj", reason: "has not decided"},
		{name: "no answer", host: func(t *testing.T, s *scenario) { s.Vanish(s.lu, s.b) }, path: "sdj", reason: "does not answer", is: nil},
		{name: "suspended", host: func(t *testing.T, s *scenario) { s.Suspend(s.m) }, reason: "is suspended"},
		{name: "an empty map", host: func(t *testing.T, s *scenario) { s.DeletedByHand("sdi", "sdj") }, reason: "without any path"},
		{name: "a straggler that leads elsewhere", host: func(t *testing.T, s *scenario) {
			c := s.Session("iqn.2003-01.org.example:c", 41)
			s.lu.Path("sdk", c, 1)
			s.Remap(s.lu, s.another("new"), c)
		}, got: fresh, path: "sdk"},
		{name: "a partition's map", device: "/dev/dm-20", host: func(t *testing.T, s *scenario) { s.Partition("dm-12", 1, "dm-20") }, reason: "no SCSI disk and no multipath map"},
		{name: "a volume on the map", device: "/dev/dm-20", host: func(t *testing.T, s *scenario) { s.LUKS("dm-12", "dm-20", "secret") }, reason: "no SCSI disk and no multipath map"},
		{name: "a partition", device: "/dev/sda1", reason: "is a partition"},
		{name: "no node", device: "/dev/mapper/none", reason: "no block device", is: fs.ErrNotExist},
		{name: "no block device", device: "/dev/mapper", reason: "no block device", is: syscall.ENOTBLK},
		{name: "a serial number", wwid: "SLIO-ORG_vol-b_8aa4f6e92d3b7c05", reason: "identifies no LU", is: fs.ErrInvalid},
		{name: "no name", wwid: " ", reason: "identifies no LU", is: fs.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := before(t, remediatetest.Fail)
			if tt.host != nil {
				tt.host(t, s)
			}
			device, wwid := tt.device, tt.wwid
			if device == "" {
				device = "/dev/mapper/mpathb"
			}
			if wwid == "" {
				wwid = s.lu.WWID()
			}
			err := s.sweeper(t).VerifyIdentity(within(t), device, wwid)
			var e *remediate.IdentityError
			require.ErrorAs(t, err, &e)
			require.Equal(t, []string{device, wwid, tt.got, tt.path}, []string{e.Device, e.Want, e.Got, e.Path}, "%v", err)
			require.Contains(t, e.Reason, tt.reason)
			if tt.is != nil {
				require.ErrorIs(t, err, tt.is)
			}
			require.Empty(t, s.Actions(), "it changes nothing")
		})
	}
}

// Silent paths pass only where they are asked for, and one path is proven.
func TestVerifyIdentityWithSilentPaths(t *testing.T) {
	for _, tt := range []struct {
		name string
		host func(*scenario)
		ok   bool
	}{
		{"an outage of one path", func(s *scenario) { s.Outage(s.b) }, true},
		{"no answer on one path", func(s *scenario) { s.Vanish(s.lu, s.b) }, true},
		{"an outage", func(s *scenario) { s.Outage() }, false},
		{"unmapped on one path", func(s *scenario) { s.Unmap(s.lu, s.b) }, false},
		{"blocked", func(s *scenario) { s.Stall(s.b) }, false},
		{"one path down, the other elsewhere", func(s *scenario) { s.Outage(s.b); s.Remap(s.lu, s.another("new"), s.a) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := before(t, remediatetest.Fail)
			tt.host(s)
			err := s.sweeper(t, remediate.WithSilentPaths()).VerifyIdentity(within(t), "/dev/dm-12", s.lu.WWID())
			require.Equal(t, tt.ok, err == nil, "%v", err)
		})
	}
}

// A device that becomes another one while it is asked is not proven.
func TestVerifyIdentityOfWhatChanges(t *testing.T) {
	s := before(t, remediatetest.Fail)
	sys := s.System()
	open := sys.OpenLU
	sys.OpenLU = func(ctx context.Context, path string) (*scsi.Device, error) {
		d, err := open(ctx, path)
		if strings.HasSuffix(path, "sdj") {
			s.link(t, "mapper/mpathb", "../dm-11")
		}
		return d, err
	}
	err := s.on(t, sys).VerifyIdentity(within(t), "/dev/mapper/mpathb", s.lu.WWID())
	var e *remediate.IdentityError
	require.ErrorAs(t, err, &e)
	require.Contains(t, e.Reason, "has changed")
}

// It returns by the end of its context, whatever a path does.
func TestVerifyIdentityReturns(t *testing.T) {
	s := before(t, remediatetest.Fail)
	sys := s.System()
	sys.OpenLU = func(ctx context.Context, path string) (*scsi.Device, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := s.on(t, sys, remediate.WithSilentPaths()).VerifyIdentity(ctx, "/dev/dm-12", s.lu.WWID())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var e *remediate.IdentityError
	require.ErrorAs(t, err, &e)
}
