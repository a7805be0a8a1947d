package multipath

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/lunsweep/lunsweep/internal/dmioctl"
	"github.com/lunsweep/lunsweep/sysfs"
)

// A fakeMap is a device of a [fakeKernel].
type fakeMap struct {
	name, uuid    string // as the kernel has them
	minor         uint32
	open          int32
	flags         uint32
	queue         bool
	table, status string // after the features; "" for no table
}

// A fakeKernel is the other side of /dev/mapper/control.
type fakeKernel struct {
	mu    sync.Mutex
	maps  []*fakeMap
	asked []string // what changed something
	block chan struct{}
}

func newFakeKernel() *fakeKernel {
	return &fakeKernel{maps: []*fakeMap{
		{name: "root", uuid: "LVM-abc", minor: 0, open: 1},
		{
			name: `my\x20map`, uuid: "mpath-36001", minor: 1, open: 1, queue: true,
			table: " 1 alua 1 1 service-time 0 2 2 8:0 1 1 8:16 1 1", status: "2 0 0 0 1 1 A 0 2 2 8:0 A 0 0 1 8:16 F 2 0 1",
		},
		{name: `my\x20map-part1`, uuid: "part1-mpath-36001", minor: 2},
		{name: "mpathb", uuid: "mpath-36002", minor: 300, table: " 0 0 0", status: "2 0 0 0 0 0"},
		{name: "bare", uuid: "mpath-36003", minor: 4},
	}}
}

func (k *fakeKernel) find(h dmioctl.Header) *fakeMap {
	for _, m := range k.maps {
		if h.UUID != "" && m.uuid == h.UUID || h.Name != "" && m.name == h.Name || h.Dev != 0 && h.Dev == dmioctl.Dev(254, m.minor) {
			return m
		}
	}
	return nil
}

func (k *fakeKernel) control(_ context.Context, cmd uint32, buf []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, err := dmioctl.ParseHeader(buf)
	if err != nil {
		return err
	}
	switch cmd {
	case dmioctl.Version:
		return nil
	case dmioctl.ListDevices:
		var names []dmioctl.Name
		for _, m := range k.maps {
			names = append(names, dmioctl.Name{Dev: dmioctl.Dev(254, m.minor), Name: m.name})
		}
		dmioctl.Answer(buf, dmioctl.Header{}, dmioctl.AppendNames(nil, names))
		return nil
	}
	m := k.find(h)
	if m == nil {
		return os.NewSyscallError("ioctl", syscall.ENXIO)
	}
	return k.onMap(m, cmd, h, buf)
}

func (k *fakeKernel) onMap(m *fakeMap, cmd uint32, h dmioctl.Header, buf []byte) error {
	answer := dmioctl.Header{Name: m.name, UUID: m.uuid, Dev: dmioctl.Dev(254, m.minor), OpenCount: m.open, Flags: m.flags}
	var data []byte
	switch cmd {
	case dmioctl.TableStatus:
		if m.table == "" {
			break
		}
		line := m.status
		if h.Flags&dmioctl.FlagStatusTable != 0 {
			line = "0" + m.table
			if m.queue {
				line = "1 queue_if_no_path" + m.table
			}
		}
		answer.TargetCount = 1
		data = dmioctl.AppendTargets(nil, []dmioctl.Target{{Length: 16384, Type: "multipath", Params: line}})
	case dmioctl.TargetMsg:
		if m.flags&dmioctl.FlagSuspend != 0 {
			return os.NewSyscallError("ioctl", syscall.EBUSY)
		}
		text, err := dmioctl.ParseMessage(buf)
		if err != nil {
			return err
		}
		k.asked = append(k.asked, text+" "+m.uuid)
		m.queue = text == "queue_if_no_path"
	case dmioctl.DevSuspend:
		k.asked = append(k.asked, fmt.Sprintf("resume %s %#x", m.uuid, h.EventNr))
		m.flags &^= dmioctl.FlagSuspend
	case dmioctl.DevRemove:
		return k.remove(m, h)
	}
	dmioctl.Answer(buf, answer, data)
	return nil
}

func (k *fakeKernel) remove(m *fakeMap, h dmioctl.Header) error {
	if k.block != nil {
		k.mu.Unlock()
		<-k.block
		k.mu.Lock()
	}
	if m.open > 0 {
		return os.NewSyscallError("ioctl", syscall.EBUSY)
	}
	k.asked = append(k.asked, fmt.Sprintf("remove %s %#x", m.uuid, h.Flags))
	for i := range k.maps {
		if k.maps[i] == m {
			k.maps = append(k.maps[:i:i], k.maps[i+1:]...)
			break
		}
	}
	for _, under := range k.maps {
		if _, of, ok := strings.Cut(m.uuid, "-"); ok && under.uuid == of {
			under.open--
		}
	}
	return nil
}

func (k *fakeKernel) mapper(t *testing.T) *DeviceMapper {
	t.Helper()
	d, err := OpenDeviceMapper("", WithControl(k.control))
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

func (k *fakeKernel) backend(t *testing.T) *DM {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "sys", "block"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "proc"), 0o755))
	sys, err := sysfs.New(root)
	require.NoError(t, err)
	return NewDM(k.mapper(t), sys)
}

func TestTables(t *testing.T) {
	got, err := newFakeKernel().mapper(t).Tables(t.Context())
	require.NoError(t, err)
	want := []Table{
		{
			Name: "my map", UUID: "mpath-36001", Devt: devt(254, 1), Size: 8 << 20, OpenCount: 1, Target: "multipath",
			Queueing: true, Features: "1 queue_if_no_path", Handler: "1 alua",
			Groups: []TableGroup{{"active", "service-time 0"}},
			Paths:  []TablePath{{Devt: devt(8, 0)}, {Devt: devt(8, 16), Failed: true, Fails: 2}},
		},
		{Name: "mpathb", UUID: "mpath-36002", Devt: devt(254, 300), Size: 8 << 20, Target: "multipath", Features: "0", Handler: "0"},
		{Name: "bare", UUID: "mpath-36003", Devt: devt(254, 4)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	require.Equal(t, 1, got[0].Usable())
}

func TestTablesGrow(t *testing.T) {
	k := newFakeKernel()
	for i := range 3000 {
		k.maps = append(k.maps, &fakeMap{name: fmt.Sprintf("volume-with-a-long-name-%d", i), uuid: "LVM-x", minor: uint32(1000 + i)})
	}
	got, err := k.mapper(t).Tables(t.Context())
	require.NoError(t, err)
	require.Len(t, got, 3)
}

func TestPartitions(t *testing.T) {
	got, err := newFakeKernel().mapper(t).Partitions(t.Context())
	require.NoError(t, err)
	want := []PartitionMap{{Name: "my map-part1", UUID: "part1-mpath-36001", Devt: devt(254, 2)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
}

func TestMapperOrders(t *testing.T) {
	k := newFakeKernel()
	d := k.mapper(t)
	require.NoError(t, d.FailIfNoPath(t.Context(), "mpath-36001"))
	table, err := d.Table(t.Context(), "mpath-36001")
	require.NoError(t, err)
	require.False(t, table.Queueing)
	require.NoError(t, d.QueueIfNoPath(t.Context(), "mpath-36001"))
	require.ErrorIs(t, d.Remove(t.Context(), "mpath-36001"), ErrInUse)

	k.maps[3].flags = dmioctl.FlagSuspend
	require.ErrorIs(t, d.FailIfNoPath(t.Context(), "mpath-36002"), ErrSuspended)
	require.NoError(t, d.Resume(t.Context(), "mpath-36002"))
	require.NoError(t, d.Resume(t.Context(), "mpath-36001"))
	require.NoError(t, d.Remove(t.Context(), "mpath-36002"))
	require.ErrorIs(t, d.Remove(t.Context(), "mpath-36002"), ErrNoMap)
	require.Equal(t, []string{
		"fail_if_no_path mpath-36001", "queue_if_no_path mpath-36001",
		"resume mpath-36002 0x5600000", "resume mpath-36001 0x1600000", "remove mpath-36002 0x0",
	}, k.asked)
}

// Nothing that is not multipath's is touched, whatever the caller says.
func TestMapperRefuses(t *testing.T) {
	k := newFakeKernel()
	d := k.mapper(t)
	for _, uuid := range []string{"LVM-abc", "", "mpath-", "part1-mpath-36001", "CRYPT-mpath-1"} {
		for _, act := range []func(context.Context, string) error{d.Remove, d.FailIfNoPath, d.QueueIfNoPath, d.Resume} {
			require.ErrorIs(t, act(t.Context(), uuid), ErrForbidden, uuid)
		}
	}
	for _, uuid := range []string{"LVM-abc", "", "mpath-36001", "part1-LVM-x", "part-mpath-1"} {
		require.ErrorIs(t, d.RemovePartition(t.Context(), uuid), ErrForbidden, uuid)
	}
	_, err := d.UUID(t.Context(), "root")
	require.ErrorIs(t, err, ErrNoMap, "there is one of that name, but not multipath's")
	require.Empty(t, k.asked)
}

func TestMapperErrors(t *testing.T) {
	for errno, want := range map[syscall.Errno]error{
		syscall.ENXIO: ErrNoMap, syscall.ENODEV: fs.ErrNotExist, syscall.EBUSY: ErrInUse,
		syscall.EACCES: ErrPermission, syscall.EPERM: fs.ErrPermission, syscall.EINVAL: syscall.EINVAL,
	} {
		fail := false
		d, err := OpenDeviceMapper("", WithControl(func(context.Context, uint32, []byte) error {
			if fail {
				return os.NewSyscallError("ioctl", errno)
			}
			return nil
		}))
		require.NoError(t, err)
		fail = true
		require.ErrorIs(t, d.Remove(t.Context(), "mpath-1"), want)
		_, err = d.Table(t.Context(), "mpath-1")
		require.ErrorIs(t, err, want)
	}
	_, err := OpenDeviceMapper(filepath.Join(t.TempDir(), "control"))
	require.True(t, errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported), "%v", err)
}

// An ioctl that does not come back ends with the context, is told of, and not
// started twice.
func TestMapperStuck(t *testing.T) {
	k := newFakeKernel()
	k.block = make(chan struct{})
	d := k.mapper(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := d.Remove(ctx, "mpath-36002")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.True(t, Uncertain(err))
	require.Len(t, d.Stuck(), 1)
	require.Equal(t, "remove mpath-36002", d.Stuck()[0].What)
	require.Error(t, d.Remove(t.Context(), "mpath-36002"))
	_, err = d.Tables(t.Context())
	require.NoError(t, err, "others go on")
	close(k.block)
	require.Eventually(t, func() bool { return len(d.Stuck()) == 0 }, 10*time.Second, time.Millisecond)
	require.ErrorIs(t, d.Remove(t.Context(), "mpath-36002"), ErrNoMap)
}

func TestMapperCancelled(t *testing.T) {
	k := newFakeKernel()
	d := k.mapper(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Remove(ctx, "mpath-36002"), context.Canceled)
	require.ErrorIs(t, d.FailIfNoPath(ctx, "mpath-36002"), context.Canceled)
	_, err := d.Tables(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, k.asked)
}

func TestDMFlush(t *testing.T) {
	k := newFakeKernel()
	d := k.backend(t)
	require.NoError(t, d.Flush(t.Context(), "my map"))
	require.Equal(t, []string{"remove part1-mpath-36001 0x0", "remove mpath-36001 0x0"}, k.asked)
	require.ErrorIs(t, d.Flush(t.Context(), "my map"), ErrNoMap)
}

func TestDMFlushInUse(t *testing.T) {
	for name, hold := range map[string]func(k *fakeKernel){
		"the map":       func(k *fakeKernel) { k.maps[1].open = 2 },
		"the partition": func(k *fakeKernel) { k.maps[2].open = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			k := newFakeKernel()
			hold(k)
			require.ErrorIs(t, k.backend(t).Flush(t.Context(), "my map"), ErrInUse)
			require.Empty(t, k.asked, "nothing is removed by halves")
		})
	}
}

func TestDMTopology(t *testing.T) {
	d := newFakeKernel().backend(t)
	got, err := d.Topology(t.Context())
	require.NoError(t, err)
	require.Len(t, got.Maps, 3)
	want := newMap(mapWords{
		Name: "my map", WWID: "36001", DM: "dm-1", Size: "8.0M", Features: "1 queue_if_no_path", Handler: "1 alua", Write: "rw",
		Groups: []Group{newGroup(groupWords{Policy: "service-time 0", Status: "active", Paths: []pathWords{
			{HCTL: "#:#:#:#", Dev: "-", Devt: "8:0", DMState: "active", DevState: "unknown"},
			{HCTL: "#:#:#:#", Dev: "-", Devt: "8:16", DMState: "failed", DevState: "unknown"},
		}})},
	})
	want.Live = &MapState{State: "active"}
	if diff := cmp.Diff(want, got.Maps[0]); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	require.NoError(t, d.ForgetPath(t.Context(), "sdi"))
	require.Error(t, d.ForgetPath(t.Context(), "-F"))
	require.NoError(t, d.DisableQueueing(t.Context(), "my map"))
	require.NoError(t, d.RestoreQueueing(t.Context(), "my map"))
	require.ErrorIs(t, d.DisableQueueing(t.Context(), "root"), ErrNoMap)
}

// A program may be there before device-mapper is: what could not be done for
// want of a control node can be done once there is one.
func TestMapperLate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	d := NewDeviceMapper(path)
	defer d.Close()
	_, err := d.Tables(t.Context())
	require.ErrorIs(t, err, errors.ErrUnsupported)
	if runtime.GOOS != "linux" {
		return
	}
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, "there is no device-mapper here")
	require.Equal(t, 1, strings.Count(err.Error(), path), "%v", err)
	require.NotContains(t, err.Error(), "multipath-tools")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = d.Tables(t.Context())
	require.ErrorIs(t, err, syscall.ENOTTY) // a file is no control node, but it was looked for again
}
