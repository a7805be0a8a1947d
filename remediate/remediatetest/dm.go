package remediatetest

import (
	"context"
	"fmt"
	"strings"
	"syscall"

	"github.com/lunsweep/lunsweep/internal/dmioctl"
)

// control answers device-mapper's ioctls.
func (h *Host) control(_ context.Context, cmd uint32, buf []byte) error {
	req, err := dmioctl.ParseHeader(buf)
	if err != nil {
		return syscall.EINVAL
	}
	h.perform(func() { err = h.ioctl(cmd, req, buf) })
	return err
}

func (h *Host) ioctl(cmd uint32, req dmioctl.Header, buf []byte) error {
	switch cmd {
	case dmioctl.Version:
		dmioctl.Answer(buf, dmioctl.Header{}, nil)
		return nil
	case dmioctl.ListDevices:
		dmioctl.Answer(buf, dmioctl.Header{}, dmioctl.AppendNames(nil, h.names()))
		return nil
	}
	m := h.asked(req)
	if m == nil {
		return syscall.ENXIO
	}
	switch cmd {
	case dmioctl.DevStatus:
		dmioctl.Answer(buf, h.header(m), nil)
		return nil
	case dmioctl.TableStatus:
		line := m.statusLine()
		if req.Flags&dmioctl.FlagStatusTable != 0 {
			line = m.tableLine()
		}
		dmioctl.Answer(buf, h.header(m), dmioctl.AppendTargets(nil, []dmioctl.Target{line}))
		return nil
	}
	return h.changeMap(m, cmd, req, buf)
}

// changeMap is the ioctls that change something.
func (h *Host) changeMap(m *Map, cmd uint32, req dmioctl.Header, buf []byte) error {
	switch {
	case cmd == dmioctl.TargetMsg:
		return h.message(m, buf)
	case cmd == dmioctl.DevSuspend && req.Flags&dmioctl.FlagSuspend == 0:
		h.act("dm resume " + m.name)
		h.suspend(m, false)
	case cmd == dmioctl.DevRemove:
		if h.opens(m.dm) > 0 {
			h.act("dm remove " + m.name + ": in use")
			return syscall.EBUSY
		}
		h.act("dm remove " + m.name)
		h.removeMap(m)
	default:
		return syscall.ENOTTY
	}
	dmioctl.Answer(buf, h.header(m), nil)
	return nil
}

func (h *Host) message(m *Map, buf []byte) error {
	text, err := dmioctl.ParseMessage(buf)
	on := text == "queue_if_no_path"
	switch {
	case err != nil, !on && text != "fail_if_no_path":
		return syscall.EINVAL
	case m.suspended:
		return syscall.EBUSY
	}
	h.act("dm message " + m.name + " " + text)
	h.queue(m, on)
	dmioctl.Answer(buf, h.header(m), nil)
	return nil
}

// asked is the device that a request names.
func (h *Host) asked(req dmioctl.Header) *Map {
	for _, m := range h.maps {
		if req.UUID != "" && m.uuid == req.UUID || req.Name != "" && m.name == req.Name || req.Dev != 0 && m.dev() == req.Dev {
			return m
		}
	}
	return nil
}

func (m *Map) dev() uint64 {
	n := devNum(m.dm)
	return dmioctl.Dev(n.Major, n.Minor)
}

func (h *Host) names() []dmioctl.Name {
	var out []dmioctl.Name
	for _, m := range h.sortedMaps() {
		out = append(out, dmioctl.Name{Dev: m.dev(), Name: m.name})
	}
	return out
}

func (h *Host) header(m *Map) dmioctl.Header {
	flags := dmioctl.FlagActivePresent
	if m.suspended {
		flags |= dmioctl.FlagSuspend
	}
	return dmioctl.Header{
		TargetCount: 1, OpenCount: int32(h.opens(m.dm)), Flags: flags,
		Dev: m.dev(), Name: m.name, UUID: m.uuid,
	}
}

// tableLine is the table of a multipath target:
//
//	1 queue_if_no_path 1 alua 1 1 service-time 0 2 1 8:128 1 8:144 1
func (m *Map) tableLine() dmioctl.Target {
	if !m.multipath() {
		return dmioctl.Target{Length: m.size / 512, Type: "linear", Params: devNum(m.under).String() + " 2048"}
	}
	line := m.features() + " 1 alua"
	if len(m.paths) == 0 {
		line += " 0 0"
	} else {
		line += fmt.Sprintf(" 1 1 service-time 0 %d 1", len(m.paths))
	}
	for _, p := range m.paths {
		line += fmt.Sprintf(" %s 1", devNum(p.disk.name))
	}
	return dmioctl.Target{Length: m.size / 512, Type: "multipath", Params: line}
}

// statusLine is the status of a multipath target:
//
//	2 0 0 0 1 1 A 0 2 2 8:128 A 0 0 1 8:144 F 1 0 1
func (m *Map) statusLine() dmioctl.Target {
	var line strings.Builder
	if len(m.paths) == 0 {
		line.WriteString("2 0 0 0 0 0")
	} else {
		fmt.Fprintf(&line, "2 0 0 0 1 1 %s 0 %d 2", strings.ToUpper(m.groupStatus()[:1]), len(m.paths))
	}
	for _, p := range m.paths {
		state := "A 0"
		if p.failed {
			state = "F 1"
		}
		fmt.Fprintf(&line, " %s %s 0 1", devNum(p.disk.name), state)
	}
	return dmioctl.Target{Length: m.size / 512, Type: "multipath", Params: line.String()}
}

// groupStatus is "active" while I/O goes to the one path group, else "enabled".
func (m *Map) groupStatus() string {
	if m.usable() == 0 {
		return "enabled"
	}
	return "active"
}

// features is how tables and multipath print them.
func (m *Map) features() string {
	if m.queueing {
		return "1 queue_if_no_path"
	}
	return "0"
}
