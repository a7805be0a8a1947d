package multipath

import (
	"fmt"
	"strings"
)

// wordsOf are a path's words, to be padded like a column.
func wordsOf(p Path) [wordCount]string {
	w := p.words()
	return w.list()
}

// widths are the columns' widths over the whole host, as print.c has them.
func widths(maps []Map) [6]int {
	var w [6]int
	for i := range maps {
		for p := range maps[i].Each {
			for c, word := range wordsOf(p) {
				w[c] = max(w[c], len(word))
			}
		}
	}
	return w
}

func (s *source) prefix(m Map) string {
	switch {
	case m.Action() != "":
		return m.Action() + ": "
	case s.era.form == FormTree && m.Foreign() == "" && s.chance(8):
		return ": "
	}
	return ""
}

func named(m Map) string {
	if m.Name == m.WWID {
		return m.Name
	}
	return m.Name + " (" + m.WWID + ")"
}

func vendored(m Map) string {
	if m.Vendor() == "" {
		return ""
	}
	return fmt.Sprintf("%-8s,%s", m.Vendor(), m.Product())
}

// printTree prints as 0.4.9 and later do.
func printTree(s *source, maps []Map) string {
	var b strings.Builder
	w := widths(maps)
	for _, m := range maps {
		bold := s.chance(8)
		if bold {
			b.WriteString("\x1b[1m")
		}
		if m.Foreign() != "" {
			fmt.Fprintf(&b, "%s [nvme]:%s %s,%s", named(m), m.DM, m.Vendor(), m.Product())
		} else {
			fmt.Fprintf(&b, "%s%s %s %s", s.prefix(m), named(m), m.DM, vendored(m))
		}
		if bold {
			b.WriteString("\x1b[0m")
		}
		fmt.Fprintf(&b, "\nsize=%s features='%s' hwhandler='%s' wp=%s\n", m.Size(), m.Features(), m.Handler(), m.Write())
		for i, g := range m.Groups {
			treeGroup(&b, g, w, i == len(m.Groups)-1)
		}
	}
	return b.String()
}

func treeGroup(b *strings.Builder, g Group, w [6]int, last bool) {
	glyph, outer := "|", "|"
	if last {
		glyph, outer = "`", " "
	}
	prio := "n/a"
	if n, ok := g.Prio(); ok {
		prio = fmt.Sprint(n)
	}
	fmt.Fprintf(b, "%s-+- policy='%s' prio=%s status=%s\n", glyph, g.Policy(), prio, g.Status())
	for i := range g.Len() {
		glyph = "|"
		if i == g.Len()-1 {
			glyph = "`"
		}
		fmt.Fprintf(b, "%s %s-", outer, glyph)
		for c, word := range wordsOf(g.Path(i)) {
			fmt.Fprintf(b, " %-*s", w[c], word)
		}
		b.WriteString("\n")
	}
}

// printQuoted prints as versions before 0.4.8 do.
func printQuoted(s *source, maps []Map) string {
	var b strings.Builder
	w := widths(maps)
	for _, m := range maps {
		fmt.Fprintf(&b, "%s%s\n[size=%s][features=\"%s\"][hwhandler=\"%s\"]\n", s.prefix(m), named(m), m.Size(), m.Features(), m.Handler())
		bracketGroups(&b, m, w)
		b.WriteString("\n")
	}
	return b.String()
}

// printBracket prints as 0.4.8 does, WWIDs glued to the device.
func printBracket(s *source, maps []Map) string {
	var b strings.Builder
	w := widths(maps)
	for _, m := range maps {
		glue := " "
		if m.Name == m.WWID && m.DM != "undef" {
			glue = ""
		}
		fmt.Fprintf(&b, "%s%s%s%s %s\n", s.prefix(m), named(m), glue, m.DM, vendored(m))
		fmt.Fprintf(&b, "[size=%s][features=%-8s][hwhandler=%-8s]", m.Size(), m.Features(), m.Handler())
		if m.Write() != "" {
			fmt.Fprintf(&b, "[%s        ]", m.Write())
		}
		b.WriteString("\n")
		bracketGroups(&b, m, w)
	}
	return b.String()
}

func bracketGroups(b *strings.Builder, m Map, w [6]int) {
	for _, g := range m.Groups {
		fmt.Fprintf(b, `\_ %s `, g.Policy())
		if n, ok := g.Prio(); ok {
			fmt.Fprintf(b, "[prio=%d]", n)
		}
		fmt.Fprintf(b, "[%s]\n", g.Status())
		for p := range g.Each {
			fmt.Fprintf(b, ` \_ %-*s %-*s %-*s [%s]`, w[0], p.HCTL(), w[1], p.Dev(), w[2], p.Devt(), p.DMState())
			if p.CheckState() != "" {
				fmt.Fprintf(b, "[%s] ", p.CheckState())
			}
			b.WriteString("\n")
		}
	}
}

// printJSON prints as the daemon does: one field per line, nothing escaped.
func printJSON(_ *source, maps []Map) string {
	var b strings.Builder
	b.WriteString("{\n   \"major_version\": 0,\n   \"minor_version\": 1,\n   \"maps\": [")
	for i, m := range maps {
		fmt.Fprintf(&b, "{\n%s,\n      \"path_groups\": [", fields(6, "name", m.Name, "uuid", m.WWID, "sysfs", m.DM, "failback", "immediate",
			"queueing", "5 chk", "write_prot", m.Write(), "dm_st", "active", "features", m.Features(), "hwhandler", m.Handler(), "action", m.Action(),
			"vend", fmt.Sprintf("%-8s", m.Vendor()), "prod", fmt.Sprintf("%-16s", m.Product()), "rev", `0"1`))
		for j, g := range m.Groups {
			prio, _ := g.Prio()
			fmt.Fprintf(&b, "{\n%s,\n         \"pri\" : %d,\n%s,\n         \"group\" : %d,\n         \"paths\": [", fields(9, "selector", g.Policy()), prio,
				fields(9, "dm_st", g.Status(), "marginal_st", "normal"), j+1)
			for k := range g.Len() {
				p := g.Path(k)
				fmt.Fprintf(&b, "{\n%s\n         }%s", fields(12, "dev", p.Dev(), "dev_t", p.Devt(), "dm_st", p.DMState(), "dev_st", p.DevState(),
					"chk_st", p.CheckState(), "checker", "tur", "host_wwnn", "[undef]", "lun_hex", "0x000e000000000000"), comma(k, g.Len()))
			}
			fmt.Fprintf(&b, "]\n      }%s", comma(j, len(m.Groups)))
		}
		fmt.Fprintf(&b, "]\n   }%s", comma(i, len(maps)))
	}
	b.WriteString("]\n}\n")
	return b.String()
}

func comma(i, n int) string {
	if i < n-1 {
		return ","
	}
	return ""
}

func fields(indent int, pairs ...string) string {
	var lines []string
	for i := 0; i < len(pairs); i += 2 {
		lines = append(lines, fmt.Sprintf("%*s\"%s\" : \"%s\"", indent, "", pairs[i], pairs[i+1]))
	}
	return strings.Join(lines, ",\n")
}
