package multipath

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A source makes random topologies of what one era could print, with no two
// paths of the same number.
type source struct {
	*rand.Rand
	era  era
	used int
}

// An era is a form as one range of versions printed it.
type era struct {
	name  string
	form  Form
	print func(*source, []Map) string

	noDM      bool // headers do not name the device
	noVendor  bool // nothing is printed for maps without a usable path, else "##,##"
	oneState  bool // [active] alone
	noPrio    bool
	write     bool // [rw] in the bracket form
	foreign   bool // native NVMe subsystems are listed
	noHCTL    bool // JSON
	wideLUNs  bool // 64-bit LUNs; before, they are signed
	noOrphans bool // vanished paths are not printed
}

var eras = []era{
	{name: "0.4.5", form: FormBracket, print: printQuoted, noDM: true, noPrio: true, oneState: true},
	{name: "0.4.7", form: FormBracket, print: printQuoted, noDM: true},
	{name: "0.4.8", form: FormBracket, print: printBracket, noVendor: true},
	{name: "rhel5", form: FormBracket, print: printBracket, noVendor: true, write: true},
	{name: "0.4.9", form: FormTree, print: printTree, noVendor: true},
	{name: "0.6.0", form: FormTree, print: printTree},
	{name: "0.7.7", form: FormTree, print: printTree, foreign: true},
	{name: "0.15", form: FormTree, print: printTree, wideLUNs: true, noOrphans: true, foreign: true},
	{name: "json", form: FormJSON, print: printJSON, noHCTL: true},
}

func pick[T any](s *source, from ...T) T { return from[s.IntN(len(from))] }

// chance is true one time in n.
func (s *source) chance(n int) bool { return s.IntN(n) == 0 }

func (s *source) maps(most int) []Map {
	maps := make([]Map, s.IntN(most+1))
	for i := range maps {
		if s.era.foreign && s.chance(6) {
			maps[i] = s.foreignMap(i)
		} else {
			maps[i] = s.dmMap(i)
		}
	}
	return maps
}

func (s *source) hex(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[s.IntN(16)]
	}
	return string(b)
}

func (s *source) wwid(i int) string {
	id := fmt.Sprintf("%04d", i)
	return pick(s, "36"+s.hex(27)+id, "36"+s.hex(27)+id, "2"+s.hex(12)+id, "1IET     0001"+id,
		"1ATA     QEMU HARDDISK                           QM0"+id, "SIBM-ESXSST336732LC____F3ET0EP"+id,
		"0QEMU_QEMU_HARDDISK_"+id, "2e0176ad6309077166c9ce90033bf"+id+"_1", "iqn.2015-05.com.oracle:QD_"+id)
}

// alias makes names as people do; "" is none.
func (s *source) alias(i int) string {
	id := fmt.Sprint(i)
	return pick(s, "", "mpath"+id, "mpath"+id, "orabase.lun"+id, "PE_CPE-base.x86_64-24.11.squashfs"+id, "data disk "+id,
		"old (copy) "+id, "my dm-3 disk "+id, "note: x"+id, "db:prod:"+id, "größe_"+id, "  "[:s.IntN(2)]+"_"+id, "size="+id, "##"+id)
}

func (s *source) dmMap(i int) Map {
	m := mapWords{
		WWID: s.wwid(i), DM: fmt.Sprint("dm-", i), Features: s.features(), Handler: pick(s, "0", "1 alua", "1 rdac", ""),
		Action: pick(s, "", "", "create", "reload", "switchpg", "rename", "reject"),
	}
	if m.Name = strings.TrimSpace(s.alias(i)); m.Name == "" {
		m.Name = m.WWID
	}
	s.limit(&m)
	if !s.chance(6) {
		m.Groups = s.groups()
		m.Vendor, m.Product = s.vendor()
	} else if !s.era.noVendor && !s.era.noDM {
		m.Vendor, m.Product = "##", "##"
	}
	if s.era.noDM {
		m.DM, m.Vendor, m.Product = "", "", ""
	}
	return newMap(m)
}

// limit leaves out what the era has no place for.
func (s *source) limit(m *mapWords) {
	if s.era.form != FormJSON {
		m.Size = pick(s, "10G", "1.0T", "0.0K", "1024G", "954M", "80T", "33 GB")
	}
	switch {
	case s.era.form != FormBracket || s.era.write:
		m.Write = pick(s, "rw", "ro")
	}
	if s.era.form == FormBracket && (strings.Contains(m.Name, " ") || strings.ContainsAny(m.Name, "=#:")) {
		m.Name = m.WWID
	}
	if s.era.noDM && strings.ContainsAny(m.Name, ":") {
		m.Name = "mpath" + s.hex(4)
	}
	if s.era.form != FormJSON && s.chance(8) && !s.era.noDM {
		m.DM = "undef"
	}
}

func (s *source) features() string {
	return pick(s, "0", "1 queue_if_no_path", "3 queue_if_no_path pg_init_retries 50", "5 queue_if_no_path pg_init_retries 50 queue_mode mq", "")
}

func (s *source) vendor() (vendor, product string) {
	if s.era.form == FormJSON && s.chance(4) {
		return pick(s, `A"CME`, `AC\ME`, `"`, `a","x":"`), pick(s, `","uuid":"36001`, `x",`, `\u0041`, `"}],"`)
	}
	return pick(s, "LIO-ORG", "IBM", "NETAPP", "3PARdata", "DGC"), pick(s, "TCMU device", "2107900", "LUN C-Mode", "1814      FAStT", "RAID 5/6 (x)", "A,B", "VV")
}

func (s *source) groups() []Group {
	groups := make([]Group, 1+s.IntN(3))
	for i := range groups {
		g := groupWords{Policy: pick(s, "service-time 0", "round-robin 0", "queue-length 0"), Status: pick(s, "active", "enabled", "disabled", "undef")}
		if !s.era.noPrio {
			n := pick(s, 50, 10, 1, 0, -1, -6)
			g.Prio = &n
		}
		for range 1 + s.IntN(4) {
			g.Paths = append(g.Paths, s.path())
		}
		groups[i] = newGroup(g)
	}
	return groups
}

// path makes a path whose device number tells it from all others, unless it
// has vanished.
func (s *source) path() pathWords {
	s.used++
	p := pathWords{
		HCTL:    fmt.Sprintf("%d:%d:%d:%s", s.IntN(40), s.IntN(2), s.IntN(12), s.lun()),
		Dev:     pick(s, "sd", "sd", "sd", "dasd", "nvme0n", "vd", "cciss!c0d") + string(rune('a'+s.IntN(26))) + fmt.Sprint(s.used),
		Devt:    fmt.Sprintf("%d:%d", pick(s, 8, 65, 135, 252, 4095), s.used*16),
		DMState: pick(s, "active", "failed", "undef"), CheckState: s.checked(), DevState: pick(s, "running", "offline", "unknown"),
	}
	switch {
	case s.era.noHCTL:
		p.HCTL = ""
	case strings.HasPrefix(p.Dev, "vd"):
		p.HCTL = "#:#:#:#"
	case s.chance(8) && !s.era.noOrphans && s.era.form == FormTree:
		p.HCTL, p.Dev, p.Devt = "#:#:#:#", "-", "#:#"
	}
	if s.era.form == FormBracket {
		p.DevState = ""
	}
	if s.era.oneState {
		p.CheckState = ""
	}
	return p
}

func (s *source) lun() string {
	if s.era.wideLUNs {
		return pick(s, "0", "1", "16385", "18446744073709551615")
	}
	return pick(s, "0", "1", "1085620243", "-1073741824")
}

func (s *source) checked() string {
	if s.era.form == FormBracket {
		return pick(s, "ready", "faulty", "ghost", "undef", "shaky")
	}
	return pick(s, "ready", "faulty", "ghost", "undef", "shaky", "i/o pending", "i/o timeout", "delayed", "disconnected")
}

func (s *source) foreignMap(i int) Map {
	m := mapWords{
		Name: fmt.Sprintf("uuid.fedcba98-3579-%d", i), DM: fmt.Sprintf("nvme%dn1", i), Foreign: "nvme", Vendor: "NVMe", Product: "Some controller,1.0",
		Size: "167772160", Features: "n/a", Handler: "ANA", Write: "rw",
	}
	m.WWID = m.Name
	for range 1 + s.IntN(2) {
		g := groupWords{Policy: "n/a", Status: "optimized"}
		for range s.IntN(3) {
			s.used++
			g.Paths = append(g.Paths, pathWords{
				HCTL: fmt.Sprintf("0:%d:1", s.used), Dev: fmt.Sprintf("nvme%dc%dn1", i, s.used), Devt: fmt.Sprintf("259:%d", s.used),
				DMState: "n/a", CheckState: "optimized", DevState: pick(s, "live", "connecting", "deleting (no IO)"),
			})
		}
		m.Groups = append(m.Groups, newGroup(g))
	}
	return newMap(m)
}
