package scsireply

// The SAM statuses that a Unit answers with.
const (
	Good           = 0x00
	CheckCondition = 0x02
)

// An Answer is what comes back for one command.
type Answer struct {
	Data   []byte
	Status uint8
	Sense  []byte
}

// A Unit is a logical unit as far as it answers. The zero value is a disk that
// is there and has no name.
type Unit struct {
	Gone                      bool // the target has no such LUN: 05/25/00 to everything
	Qualifier, Type           byte
	Vendor, Product, Revision string
	Serial                    string
	Designators               [][]byte // as from NAA, T10, Port, …
	LUNs                      []uint64 // all of the target's
	Attentions                [][]byte // sense data that each use up one answer, in order
}

// LostLUN0 is what LIO puts in place of a LUN 0 that is not mapped: ready, and
// answering, with a peripheral qualifier of 1 and no name of its own.
func LostLUN0(luns ...uint64) *Unit {
	return &Unit{
		Qualifier: 1, Type: 0x1f,
		Vendor: "LIO-ORG", Product: "RAMDISK-MCP", Revision: "4.0",
		Designators: [][]byte{T10("LIO-ORG", "\x00"), Port(1)},
		LUNs:        luns,
	}
}

// Answer answers a command as package scsi sends it, and uses up an attention.
// It is not safe for concurrent use.
func (u *Unit) Answer(cdb []byte) Answer {
	a, err := Read(cdb)
	switch {
	case err != nil:
		return check(FixedSense(0x5, 0x20, 0x00)) // invalid command operation code
	case u.Gone:
		return check(NotSupported())
	case len(u.Attentions) > 0 && a.Kind == TestUnitReady:
		// INQUIRY and REPORT LUNS are answered in spite of it (SAM-5, 5.14)
		sense := u.Attentions[0]
		u.Attentions = u.Attentions[1:]
		return check(sense)
	}
	data, ok := u.data(a)
	if !ok {
		return check(FixedSense(0x5, 0x24, 0x00)) // invalid field in cdb
	}
	return Answer{Data: data[:min(len(data), a.Alloc)]}
}

func check(sense []byte) Answer { return Answer{Status: CheckCondition, Sense: sense} }

// data is the whole answer, and whether there is one.
func (u *Unit) data(a Ask) ([]byte, bool) {
	switch a.Kind {
	case TestUnitReady:
		return nil, true
	case StandardInquiry:
		return Inquiry(u.Qualifier, u.Type, u.Vendor, u.Product, u.Revision), true
	case ReportLUNs:
		return LUNs(u.LUNs...), true
	case VPDPage:
		return u.page(a.Page)
	}
	return nil, false
}

func (u *Unit) page(code byte) ([]byte, bool) {
	var b []byte
	switch code {
	case 0x00:
		b = SupportedPages(0x00, 0x80, 0x83)
	case 0x80:
		b = Serial(u.Serial)
	case 0x83:
		b = Identification(u.Designators...)
	default:
		return nil, false
	}
	b[0] = u.Qualifier<<5 | u.Type&0x1f
	return b, true
}
