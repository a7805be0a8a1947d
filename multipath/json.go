package multipath

import "strings"

// A jsonReader reads the daemon's JSON. encoding/json cannot: the daemon prints
// strings as they are, so that a quote in a vendor's name, or an alias, ends
// them too early, and a target that calls its product `","uuid":"36001…` could
// pass for another.
//
//	{
//	   "major_version": 0,
//	   "minor_version": 1,
//	   "maps": [{                       "map": {…} for one map
//	      "name" : "mpathb",
//	      "paths" : 1,                  active ones
//	      "vend" : "A"CME",             not escaped
//	      "path_groups": [{
//	         "selector" : "service-time 0",
//	         "paths": [{
//	            "dev" : "sdi"
//	         }]
//	      }]
//	   }]
//	}
//
// A text that begins like that is printed by the daemon itself, one field per
// line, and there a string ends with the last quote of its line. In any other
// layout the text has been through another program's hands and is read as JSON
// is, strictly.
type jsonReader struct {
	text    string
	pos     int
	line    int   // of the first byte
	err     error // the first, after which nothing is read
	printed bool  // in the daemon's own layout
	lined   bool  // the latest key stands on a line of its own, as the daemon prints it
	batch   batch
}

func (r *jsonReader) read() (*Topology, error) {
	r.blank()
	if !strings.HasPrefix(r.text[r.pos:], "{") {
		return nil, r.notJSON()
	}
	r.printed = isPrinted(r.text[r.pos:])
	found := false
	for key := range r.object {
		switch {
		case key != "maps" && key != "map":
			r.skip(0)
		case found:
			r.fail(nil, "maps are listed twice")
		case key == "map":
			found = true
			r.oneMap()
		default:
			found = true
			r.each(r.oneMap)
		}
	}
	r.close(found)
	if r.err != nil {
		return nil, r.err
	}
	r.batch.packer.close(r.batch.table)
	return &Topology{Maps: r.batch.maps, Form: FormJSON}, nil
}

// close checks that the text ends with the value, and that the value is one
// that lists maps.
func (r *jsonReader) close(found bool) {
	r.blank()
	if r.pos < len(r.text) {
		r.fail(nil, "there is more behind the JSON value")
	}
	if !found {
		r.fail(ErrNoTopology, `neither "maps" nor "map"`)
	}
}

// notJSON says what came instead of JSON.
func (r *jsonReader) notJSON() error {
	said := strings.TrimSpace(r.text)
	first, rest, _ := strings.Cut(said, "\n")
	if cause := failure(strings.TrimSpace(first), rest); cause != nil {
		return withStack(&ReplyError{Reply: oneLine(said), Err: cause})
	}
	if said == "" {
		return refused(r.line, ErrTruncated, "no text at all")
	}
	return refused(r.line, ErrNoTopology, "not a JSON object")
}

// isPrinted recognises the daemon's own layout.
func isPrinted(text string) bool {
	for _, start := range [...]string{"{", `"major_version": `, `"minor_version": `} {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok || !strings.HasPrefix(strings.TrimSpace(line), start) || strings.Count(line, ",") > 1 {
			return false
		}
		text = rest
	}
	return true
}

func (r *jsonReader) oneMap() {
	m := r.batch.addMap(r.pos, len(r.text))
	m.Live, m.maker, m.properties = one(&r.batch.states, r.pos, len(r.text)), one(&r.batch.makers, r.pos, len(r.text)), one(&r.batch.sizes, r.pos, len(r.text))
	var seen seen
	for key := range r.object {
		r.mapField(m, key, &seen)
	}
	switch {
	case r.err != nil:
	case m.Name == "":
		r.fail(nil, "a map without a name")
	case m.Groups == nil:
		r.fail(nil, "a map without path_groups")
	}
}

func (r *jsonReader) mapField(m *Map, key string, seen *seen) {
	switch key {
	case "name":
		r.identity(&m.Name, seen, 0)
	case "uuid":
		r.identity(&m.WWID, seen, 1)
	case "sysfs":
		r.identity(&m.DM, seen, 2)
	case "path_groups":
		if m.Groups != nil {
			r.fail(nil, "path groups are listed twice")
		}
		r.each(r.group)
		m.Groups = r.batch.groups.take()
	case "vend":
		m.maker.vendor = strings.TrimSpace(r.string())
	case "prod":
		m.maker.product = strings.TrimSpace(r.string())
	case "features":
		m.properties.features = r.string()
	case "hwhandler":
		m.properties.handler = r.string()
	case "write_prot":
		m.properties.write = r.string()
	default:
		r.mapState(m, key)
	}
}

// mapState reads the fields of a map that text does not have.
func (r *jsonReader) mapState(m *Map, key string) {
	switch key {
	case "action":
		m.maker.action = r.string()
	case "dm_st":
		m.Live.State = r.string()
	case "failback":
		m.Live.Failback = r.string()
	case "queueing":
		m.Live.Retry = r.string()
	case "paths":
		m.Live.Active = r.number()
	default:
		r.skip(0)
	}
}

func (r *jsonReader) group() {
	g := r.batch.groups.add(r.pos, len(r.text))
	g.row, g.paths = one(&r.batch.rows, r.pos, len(r.text)), r.batch.table
	found := false
	for key := range r.object {
		switch key {
		case "selector":
			g.row.policy = r.string()
		case "pri":
			g.row.prio, g.row.rated = r.integer()
		case "dm_st":
			g.row.status = r.string()
		case "paths":
			if found {
				r.fail(nil, "paths are listed twice")
			}
			found, g.from = true, r.batch.len()
			r.each(r.path)
			g.to = r.batch.len()
		default:
			r.skip(0)
		}
	}
	if !found {
		r.fail(nil, "a path group without paths")
	}
}

func (r *jsonReader) path() {
	var p pathWords
	var seen seen
	for key := range r.object {
		switch key {
		case "dev":
			r.identity(&p.Dev, &seen, 0)
		case "dev_t":
			r.identity(&p.Devt, &seen, 1)
		case "dm_st":
			p.DMState = r.string()
		case "chk_st":
			p.CheckState = r.string()
		case "dev_st":
			p.DevState = r.string()
		default:
			r.skip(0)
		}
	}
	if p.Dev == "" {
		r.fail(nil, "a path without a device")
	}
	r.batch.room(r.pos, len(r.text))
	r.batch.packer.add(r.batch.table, &p)
}

// seen remembers which of the fields that identify an object it has.
type seen [3]bool

// identity reads a field that identifies an object. Other fields may be there
// twice, and the last one counts, but what has two identities has none.
func (r *jsonReader) identity(field *string, seen *seen, n int) {
	s := r.string()
	if seen[n] && *field != s {
		r.fail(nil, "a field that identifies its object is there twice")
	}
	*field, seen[n] = s, true
}
