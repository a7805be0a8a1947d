package remediatetest

import (
	"context"
	"fmt"
	"strings"
	"syscall"

	"github.com/lunsweep/lunsweep/internal/dmioctl"
)

// control answers device-mapper's ioctls.
func (p *program) control(_ context.Context, cmd uint32, buf []byte) error {
	req, err := dmioctl.ParseHeader(buf)
	if err != nil {
		return syscall.EINVAL
	}
	if crashed := p.perform(func() { err = p.ioctl(cmd, req, buf) }); crashed != nil {
		return crashed
	}
	return err
}

func (p *program) ioctl(cmd uint32, req dmioctl.Header, buf []byte) error {
	switch cmd {
	case dmioctl.Version:
		dmioctl.Answer(buf, dmioctl.Header{}, nil)
		return nil
	case dmioctl.ListDevices:
		dmioctl.Answer(buf, dmioctl.Header{}, dmioctl.AppendNames(nil, p.names()))
		return nil
	}
	m := p.asked(req)
	if m == nil {
		return syscall.ENXIO
	}
	switch cmd {
	case dmioctl.DevStatus:
		dmioctl.Answer(buf, p.header(m), nil)
		return nil
	case dmioctl.TableStatus:
		line := m.statusLine()
		if req.Flags&dmioctl.FlagStatusTable != 0 {
			line = m.tableLine()
		}
		dmioctl.Answer(buf, p.header(m), dmioctl.AppendTargets(nil, []dmioctl.Target{line}))
		return nil
	}
	return p.changeMap(m, cmd, req, buf)
}

// changeMap is the ioctls that change something.
func (p *program) changeMap(m *Map, cmd uint32, req dmioctl.Header, buf []byte) error {
	switch {
	case cmd == dmioctl.TargetMsg:
		return p.message(m, buf)
	case cmd == dmioctl.DevSuspend && req.Flags&dmioctl.FlagSuspend == 0:
		p.act("dm resume "+m.name, m.lu, func() { p.suspend(m, false) })
	case cmd == dmioctl.DevRemove:
		if p.opens(m.dm) > 0 {
			p.act("dm remove "+m.name+": in use", m.lu, func() {})
			return syscall.EBUSY
		}
		p.act("dm remove "+m.name, m.lu, func() { p.removeMap(m) })
	default:
		return syscall.ENOTTY
	}
	dmioctl.Answer(buf, p.header(m), nil)
	return nil
}

func (p *program) message(m *Map, buf []byte) error {
	text, err := dmioctl.ParseMessage(buf)
	on := text == "queue_if_no_path"
	switch {
	case err != nil, !on && text != "fail_if_no_path":
		return syscall.EINVAL
	case m.suspended:
		return syscall.EBUSY
	}
	p.act("dm message "+m.name+" "+text, m.lu, func() { p.queue(m, on) })
	dmioctl.Answer(buf, p.header(m), nil)
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
