package multipath

import "strings"

// A textReader reads printed topology, line by line, into maps.
//
//	Aug 14 09:33:02 | sdd: alua not supported                             log: passes
//	reload: mpathb (360014055e7…) dm-12 LIO-ORG,TCMU device               header
//	size=10G features='1 queue_if_no_path' hwhandler='1 alua' wp=rw       properties
//	|-+- policy='service-time 0' prio=50 status=active                    group, more follow
//	| |- 39:0:0:1 sdi 8:128 failed i/o pending running                    path, more follow
//	| `- 40:0:0:1 sdj 8:144 failed faulty      running                    path, last of its group
//	`-+- policy='service-time 0' prio=10 status=enabled                   group, last of its map
//	  `- #:#:#:# -   #:#    failed faulty      running
//
//	mpath1 (3600601603d6f1b003ecf7decb2efde11) dm-2 DGC,RAID 5            bracket form: header
//	[size=30G][features=1 queue_if_no_path][hwhandler=1 emc][rw]          properties
//	\_ round-robin 0 [prio=2][active]                                     group
//	 \_ 2:0:0:1 sdb 8:16 [active][ready]                                  path
//
// A line is a header only if properties follow it, for almost anything can be a
// name. Rows belong to the map whose header came last, and that no header is
// missing in between is checked three times: properties without a header, rows
// behind a line that nobody understands, and rows that the drawing's own
// glyphs forbid ("`-" is the last of its kind) are refused.
type textReader struct {
	text   string
	begun  int  // offset of the current line
	pos    int  // behind the current line
	line   int  // number of the current line
	plain  bool // there are no escapes, or none that mean anything
	cut    bool // the current line is the last and has no newline
	form   Form
	noise  int
	logs   int  // lines of noise that are logs
	denied bool // the source said that there is nothing
	named  bool // headers name the device, as they do since 0.4.8

	pending pending // a line that may turn out to be a header
	open    open    // the map that rows belong to
	batch   batch

	states memo[[3]span]
	groups memo[*groupRow]
	makers memo[*maker]
	sizes  memo[*properties]
}

// open is the map that is being read.
type open struct {
	m     *Map
	group *Group
	form  Form
	doubt int  // the line behind which nothing certain is known of the map; or 0
	last  byte // glyph of the latest group: '|' more follow, '`' the last, 0 unknown
	end   byte // likewise of the latest path of the group; 0 where it has none
}

func newTextReader(text string) textReader {
	r := textReader{text: text, batch: newBatch(textPath)}
	r.batch.table.text = text
	return r
}

func (r *textReader) read() (*Topology, error) {
	for r.pos < len(r.text) {
		if r.usual() {
			continue
		}
		line := r.next()
		if !r.plain && strings.Contains(line, escape) {
			return readPlain(r.text)
		}
		if err := r.take(line); err != nil {
			return nil, err
		}
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	return &Topology{Maps: r.batch.maps, Form: r.form, Noise: r.noise}, nil
}

// readPlain reads a text again from its beginning, without the escapes that were
// seen in it.
func readPlain(text string) (*Topology, error) {
	r := newTextReader(plain(text))
	r.plain = true
	return r.read()
}

// next cuts the next line off, without its end.
func (r *textReader) next() string {
	rest := r.text[r.pos:]
	r.line++
	r.begun = r.pos
	n := strings.IndexByte(rest, '\n')
	if n < 0 {
		r.cut, r.pos = true, len(r.text)
		return rest
	}
	r.pos += n + 1
	return rest[:n]
}

// take reads one line, whatever it is.
func (r *textReader) take(line string) error {
	raw := line
	line = strings.TrimSpace(line)
	if line == "" {
		return nil
	}
	if isLog(line) {
		r.logs++
		return r.skip()
	}
	if done, err := r.properties(line); done || err != nil {
		return err
	}
	if done, err := r.row(raw, line); done || err != nil {
		return err
	}
	return r.other(line)
}

// other takes a line that is neither properties nor row.
func (r *textReader) other(line string) error {
	if isMessage(line) {
		return r.skip()
	}
	if err := r.retire(); err != nil {
		return err
	}
	if rest := unprompted(line); rest != line {
		if err := r.answered(); err != nil {
			return err
		}
		if line = rest; line == "" {
			r.noise++
			return nil
		}
	}
	return r.propose(line)
}

// answered closes the map where the answer ends: at the end of the text, and
// before a prompt.
func (r *textReader) answered() error {
	if r.open.m != nil {
		if what := r.open.missing(); what != "" {
			return refused(r.line, ErrTruncated, what)
		}
	}
	r.close()
	return nil
}

// skip passes over a line that says nothing about the map it stands in.
func (r *textReader) skip() error {
	r.noise++
	if r.cut {
		return refused(r.line, ErrTruncated, "the last line does not end")
	}
	return nil
}

// begin opens the map of a header that properties followed.
func (r *textReader) begin(h *header, made *maker, p *properties, form Form) {
	r.close()
	m := r.batch.addMap(r.pos, len(r.text))
	m.Name, m.WWID, m.DM = h.name, h.wwid, h.dm
	m.maker, m.properties = made, p
	r.form = form
	r.open = open{m: m, form: form}
}

// close ends the open map, after which no row can belong to it.
func (r *textReader) close() {
	o := &r.open
	if o.m == nil {
		return
	}
	if o.missing() != "" {
		o.m.Partial = true
	}
	r.closeGroup()
	o.m.Groups = r.batch.groups.take()
	r.open = open{}
}

func (r *textReader) closeGroup() {
	if o := &r.open; o.group != nil {
		o.group.to = r.batch.len()
		o.group = nil
	}
}

// missing says in words what the map's own drawing says is still to come.
func (o *open) missing() string {
	switch what := o.missingPaths(); {
	case what != "":
		return what
	case o.group == nil && o.m.Product() != "" && o.m.Vendor() != "##":
		return "a map that has a vendor has paths"
	case o.last == '|':
		return "groups follow"
	}
	return ""
}

func (o *open) missingPaths() string {
	switch {
	case o.group == nil:
		return ""
	case o.end == '|':
		return "paths follow"
	case o.end == 0 && o.m.Foreign() == "":
		return "a group without a path" // which native NVMe subsystems do have
	}
	return ""
}

// finish checks that the end of the text is the end of what was printed.
func (r *textReader) finish() error {
	if r.pending.isHeader() || r.pending.isBare() {
		return refused(r.pending.no, ErrTruncated, "nothing follows the header of a map")
	}
	if r.pending.line != "" && r.cut && r.pending.no == r.line && (len(r.batch.maps) > 0 || !isReply(r.pending.line)) {
		return refused(r.line, ErrTruncated, "the last line does not end")
	}
	if err := r.retire(); err != nil {
		return err
	}
	if err := r.answered(); err != nil {
		return err
	}
	return r.judge()
}

// judge tells "there are no maps" from "no map was shown".
func (r *textReader) judge() error {
	if len(r.batch.maps) > 0 || r.denied || r.noise == 0 {
		return nil
	}
	err := &ParseError{Line: r.line, Reason: "nothing but messages", Err: ErrNoTopology, LogsOnly: r.logs == r.noise}
	return withStack(err)
}
