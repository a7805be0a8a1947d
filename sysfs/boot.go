package sysfs

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
)

// A BootDevice is a block device that the kernel's command line names.
type BootDevice struct {
	Arg  string // "root=UUID=3f1c…"
	Devt DevNum // zero where nothing bears that name now
}

// BootDevices reads from /proc/cmdline what the running system was booted with:
// root=, resume=, the other file systems that an initial RAM disk mounts, and
// the logical volumes that it activates.
func (f *FS) BootDevices(ctx context.Context) ([]BootDevice, error) {
	return bounded(ctx, f, "the kernel's command line", func() ([]BootDevice, error) {
		text, err := readFile(f.Path(procDir, "cmdline"))
		if err != nil {
			return nil, err
		}
		var out []BootDevice
		for _, arg := range commandLine(string(text)) {
			if node := bootNode(arg); node != "" {
				out = append(out, BootDevice{Arg: arg, Devt: f.bootDevice(node)})
			}
		}
		return out, nil
	})
}

// bootDevice is the number of what bootNode gave: a node, or the number itself.
func (f *FS) bootDevice(node string) DevNum {
	if d, err := ParseDevNum(node); err == nil {
		return d
	}
	return f.node(node)
}

// commandLine splits the kernel's command line; blanks within " do not count.
func commandLine(text string) []string {
	quoted := false
	args := strings.FieldsFunc(text, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\n' || r == '\t')
	})
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], `"`, "")
	}
	return args
}

// bootNode is the host's path of the device that an argument names, or its
// number; "" for an argument that names none.
func bootNode(arg string) string {
	key, value, _ := strings.Cut(arg, "=")
	switch key {
	case "root", "resume", "boot", "usr", "mount.usr":
		return sourceNode(strings.TrimPrefix(value, "block:"))
	case "rd.lvm.lv":
		if vg, lv, ok := strings.Cut(value, "/"); ok {
			double := strings.NewReplacer("-", "--")
			return "/dev/mapper/" + double.Replace(vg) + "-" + double.Replace(lv)
		}
	}
	return ""
}

// sourceNode reads the forms that a source may have.
func sourceNode(source string) string {
	tag, value, ok := strings.Cut(source, "=")
	for name, dir := range map[string]string{
		"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel",
	} {
		if ok && strings.EqualFold(tag, name) {
			value, _, _ = strings.Cut(value, "/PARTNROFF=")
			if strings.HasSuffix(name, "UUID") {
				value = strings.ToLower(value)
			}
			return "/dev/disk/" + dir + "/" + escapeLabel(value)
		}
	}
	if strings.HasPrefix(source, "/"+devDir+"/") {
		return source
	}
	if _, err := ParseDevNum(source); err == nil {
		return source
	}
	if n, err := strconv.ParseUint(source, 16, 32); err == nil && len(source) <= 8 {
		return devNumOf(n).String() // the kernel's own old form: "0801"
	}
	return ""
}

// escapeLabel writes a label as udev names its links: every byte but those that
// udev allows is \xNN.
func escapeLabel(label string) string {
	var b strings.Builder
	for _, c := range []byte(label) {
		if c >= 0x80 || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("#+-.:=@_", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString(`\x` + hex.EncodeToString([]byte{c}))
	}
	return b.String()
}
