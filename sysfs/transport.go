package sysfs

import (
	"context"
	"os"
	"path"
	"strings"
	"sync"
)

// A Transport is what the kernel's transport class says of the way to a SCSI
// device's target.
type Transport struct {
	Kind   TransportKind
	Name   string // "session3", "rport-1:0-2", "end_device-0:1"; "" for TransportNone
	State  string // raw: session state, port_state, negotiated_linkrate
	Target string // iSCSI name, WWPN or SAS address of the target
	Link   Link
}

// A TransportKind says what carries the commands to a SCSI device.
type TransportKind uint8

// The kinds of transport that [FS.Transport] tells apart.
const (
	TransportUnknown TransportKind = iota // could not be told
	TransportNone                         // no transport class
	TransportISCSI
	TransportFC
	TransportSAS
)

// String returns the kind as a lower-case word.
func (k TransportKind) String() string {
	return word([]string{"unknown", "none", "iscsi", "fc", "sas"}, int(k))
}

// MarshalText writes k as [TransportKind.String] does.
func (k TransportKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// A Link says whether a target can be reached, as far as its transport knows.
type Link uint8

// The states of a [Link].
const (
	LinkUnknown Link = iota // the transport says nothing that this package understands
	LinkUp
	LinkDown
	LinkNone // no transport class: nothing is known about the link
)

// String returns the state as a lower-case word.
func (l Link) String() string { return word([]string{"unknown", "up", "down", "none"}, int(l)) }

// MarshalText writes l as [Link.String] does.
func (l Link) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText writes; any other text is a *[ParseError].
func (l *Link) UnmarshalText(text []byte) error {
	for k := LinkUnknown; k <= LinkNone; k++ {
		if k.String() == string(text) {
			*l = k
			return nil
		}
	}
	return badText("link state", string(text))
}

// word returns the i-th word, and the first for a number that has none.
func word(words []string, i int) string {
	if i >= len(words) {
		i = 0
	}
	return words[i]
}

// Transport tells through which session, remote port or end device a SCSI
// device is reached: from the path that /sys/bus/scsi/devices/<h> leads to, and
// the transport class's own attributes. A device that is not there gives an
// error that matches [fs.ErrNotExist]; a session or port that goes away
// meanwhile is a link of unknown state.
//
// A host of a transport class that this package does not read (SRP) is
// TransportUnknown.
func (f *FS) Transport(ctx context.Context, h HCTL) (Transport, error) {
	return bounded(ctx, f, "transport of "+h.String(), func() (Transport, error) {
		top, err := openDir(f.Path(sysDir, scsiDevicesDir))
		if err != nil {
			return Transport{}, err
		}
		defer top.close()
		return f.transport(top, h, func(_ string, read func() (Transport, error)) (Transport, error) { return read() })
	})
}

// Transports is [FS.Transport] for many devices. Each session, port or end device
// is read once, however many devices are reached through it. A device that is
// not there, or whose transport cannot be told, is left out.
func (f *FS) Transports(ctx context.Context, devices []HCTL) (map[HCTL]Transport, error) {
	list, err := bounded(ctx, f, "transports", func() ([]reached, error) {
		top, err := openDir(f.Path(sysDir, scsiDevicesDir))
		if absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		defer top.close()
		known := onceEach{by: map[string]func() (Transport, error){}}
		return each(ctx, devices, func(h HCTL) (reached, bool, error) {
			t, err := f.transport(top, h, known.read)
			return reached{h, t}, err == nil, nil
		})
	})
	all := make(map[HCTL]Transport, len(list))
	for _, r := range list {
		all[r.device] = r.by
	}
	return all, err
}

// A reached is how one device is reached.
type reached struct {
	device HCTL
	by     Transport
}

// A onceEach reads what goes by one name once. It is safe for concurrent use.
type onceEach struct {
	mu sync.Mutex
	by map[string]func() (Transport, error)
}

func (o *onceEach) read(name string, read func() (Transport, error)) (Transport, error) {
	o.mu.Lock()
	known, ok := o.by[name]
	if !ok {
		known = sync.OnceValues(read)
		o.by[name] = known
	}
	o.mu.Unlock()
	return known()
}

// transport follows the link of a SCSI device in the directory top. once reads
// what goes by a name, or knows it already.
func (f *FS) transport(top dir, h HCTL, once func(name string, read func() (Transport, error)) (Transport, error)) (Transport, error) {
	target, err := top.readlink(h.String())
	if err != nil {
		return Transport{}, err
	}
	name, read := f.transportIn(path.Join(scsiDevicesDir, target))
	if read == nil {
		return Transport{Kind: TransportNone, Link: LinkNone}, nil
	}
	t, err := once(name, read)
	if absent(err) {
		return Transport{Kind: t.Kind, Name: t.Name}, nil
	}
	return t, err
}

// transportIn looks at the path of a SCSI device, relative to /sys, for the
// transport class's own device in it, and returns what reads that:
//
//	devices/platform/host2/session1/target2:0:0/2:0:0:1
//	devices/pci…/host5/rport-5:0-2/target5:0:0/5:0:0:1
//	devices/pci…/host0/port-0:1/end_device-0:1/target0:0:1/0:0:1:0
func (f *FS) transportIn(device string) (name string, read func() (Transport, error)) {
	host := ""
	elem := strings.Split(device, "/")
	for i, name := range elem {
		switch {
		case numbered(name, "session"):
			return name, func() (Transport, error) { return f.iscsi(name) }
		case strings.HasPrefix(name, "rport-"):
			return name, func() (Transport, error) { return f.fc(name) }
		case strings.HasPrefix(name, "end_device-"):
			return name, func() (Transport, error) { return f.sas(name, strings.Join(elem[:i], "/")) }
		case host == "" && numbered(name, "host"):
			host = name
		}
	}
	if host == "" {
		return "", nil
	}
	return host, func() (Transport, error) { return f.unread(host) }
}

// unread is a host without a transport class, or of one that is not read here.
func (f *FS) unread(host string) (Transport, error) {
	if f.has("class", "srp_host", host) {
		return Transport{Kind: TransportUnknown, Name: host}, nil
	}
	return Transport{Kind: TransportNone, Link: LinkNone}, nil
}

// numbered reports whether name is prefix and a number.
func numbered(name, prefix string) bool {
	number, ok := strings.CutPrefix(name, prefix)
	_, isNumber := decimal(number, 32)
	return ok && isNumber
}

func (f *FS) has(elem ...string) bool {
	_, err := os.Lstat(f.Path(append([]string{sysDir}, elem...)...))
	return err == nil
}

// iscsi reads /sys/class/iscsi_session/<name>.
func (f *FS) iscsi(name string) (Transport, error) {
	t := Transport{Kind: TransportISCSI, Name: name}
	err := f.class("class/iscsi_session", name, func(a *attrs) {
		t.State, t.Target = a.text("state"), a.optional("targetname")
	})
	t.Link = iscsiLink(t.State)
	return t, err
}

// iscsiLink knows the names of iscsi_session_state_names in
// drivers/scsi/scsi_transport_iscsi.c. FAILED is a session that is trying to
// come back, FREE one that has given up.
func iscsiLink(state string) Link {
	switch state {
	case "LOGGED_IN":
		return LinkUp
	case "FAILED", "FREE":
		return LinkDown
	}
	return LinkUnknown
}

// fc reads /sys/class/fc_remote_ports/<name>.
func (f *FS) fc(name string) (Transport, error) {
	t := Transport{Kind: TransportFC, Name: name}
	err := f.class("class/fc_remote_ports", name, func(a *attrs) {
		t.State, t.Target = a.text("port_state"), a.optional("port_name")
	})
	t.Link = fcLink(t.State)
	return t, err
}

// fcLink knows the names of fc_port_state_names in
// drivers/scsi/scsi_transport_fc.c. Marginal is a port that works, badly.
func fcLink(state string) Link {
	switch state {
	case "Online", "Marginal":
		return LinkUp
	case "Not Present", "Offline", "Blocked", "Bypassed", "Linkdown", "Error", "Deleted":
		return LinkDown
	}
	return LinkUnknown // "Unknown", "Diagnostics", "Loopback", and what is new
}

// sas reads /sys/class/sas_device/<name>, and the phys of the port above it,
// which is relative to /sys.
func (f *FS) sas(name, port string) (Transport, error) {
	t := Transport{Kind: TransportSAS, Name: name}
	err := f.class("class/sas_device", name, func(a *attrs) { t.Target = a.optional("sas_address") })
	if err != nil {
		return t, err
	}
	d, err := openDir(f.Path(sysDir, port))
	if err != nil {
		return t, err
	}
	defer d.close()
	entries, err := d.names()
	for _, phy := range entries {
		if strings.HasPrefix(phy, "phy-") && t.Link != LinkUp {
			t.State, t.Link = f.phy(phy)
		}
	}
	return t, err
}

// phy reads /sys/class/sas_phy/<name>/negotiated_linkrate: "12.0 Gbit",
// "Unknown", "Phy disabled", "Link Rate Failed", "Spin-up hold".
func (f *FS) phy(name string) (rate string, link Link) {
	err := f.class("class/sas_phy", name, func(a *attrs) { rate = a.text("negotiated_linkrate") })
	switch {
	case err != nil:
		return "", LinkUnknown
	case strings.HasSuffix(rate, " Gbit"):
		return rate, LinkUp
	case rate == "Phy disabled", rate == "Link Rate Failed":
		return rate, LinkDown
	}
	return rate, LinkUnknown
}

// class calls read with the attributes of one device of a class.
func (f *FS) class(class, name string, read func(*attrs)) error {
	d, err := openDir(f.Path(sysDir, class, name))
	if err != nil {
		return err
	}
	defer d.close()
	a := attrs{dir: d}
	read(&a)
	return a.err
}
