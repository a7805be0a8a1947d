package dmioctl

import "encoding/binary"

// ParseNames reads the answer to [ListDevices], struct dm_name_list:
//
//	0 dev u64   8 next u32 (from the start of this entry; 0: the last one)   12 name, NUL, …
//
// An empty list is an entry whose dev is 0, which the size of the answer need
// not take in.
func ParseNames(buf []byte) ([]Name, error) {
	_, data, err := payload(buf)
	if err != nil {
		return nil, err
	}
	o := binary.NativeEndian
	if len(data) == 0 || len(data) >= 8 && o.Uint64(data) == 0 {
		return nil, nil
	}
	var names []Name
	for at := 0; ; {
		if len(data)-at < listHead {
			return nil, &DecodeError{What: "name list cut off", At: at}
		}
		dev, next := o.Uint64(data[at:]), int(o.Uint32(data[at+8:]))
		names = append(names, Name{Dev: dev, Name: text(data[at+listHead:])})
		if next == 0 {
			return names, nil
		}
		if next < listHead || next > len(data)-at {
			return nil, &DecodeError{What: "name list out of bounds", At: at}
		}
		at += next
	}
}

// AppendNames writes what [ParseNames] reads.
func AppendNames(b []byte, names []Name) []byte {
	if len(names) == 0 {
		return append(b, make([]byte, listHead)...)
	}
	o := binary.NativeEndian
	for i, n := range names {
		b = o.AppendUint64(b, n.Dev)
		size := (listHead + len(n.Name) + 1 + 7) &^ 7
		next := uint32(size)
		if i == len(names)-1 {
			next = 0
		}
		b = o.AppendUint32(b, next)
		b = append(b, n.Name...)
		b = append(b, make([]byte, size-listHead-len(n.Name))...)
	}
	return b
}

// ParseTargets reads the answer to [TableStatus], TargetCount times struct
// dm_target_spec with its parameters behind it:
//
//	0 sector_start u64   8 length u64   16 status s32   20 next u32 (from the start of the payload)
//	24 target_type[16]   40 parameters, NUL, …
func ParseTargets(buf []byte) ([]Target, error) {
	h, data, err := payload(buf)
	if err != nil {
		return nil, err
	}
	var targets []Target
	o := binary.NativeEndian
	for at, i := 0, uint32(0); i < h.TargetCount; i++ {
		if len(data)-at < specSize {
			return nil, &DecodeError{What: "table cut off", At: at}
		}
		spec := data[at:]
		targets = append(targets, Target{
			Start:  o.Uint64(spec),
			Length: o.Uint64(spec[8:]),
			Type:   text(spec[specType:specSize]),
			Params: text(spec[specSize:]),
		})
		next := int(o.Uint32(spec[20:]))
		if i+1 < h.TargetCount && (next < at+specSize || next > len(data)) {
			return nil, &DecodeError{What: "table out of bounds", At: at}
		}
		at = next
	}
	return targets, nil
}

// AppendTargets writes what [ParseTargets] reads.
func AppendTargets(b []byte, targets []Target) []byte {
	o := binary.NativeEndian
	start := len(b)
	for _, t := range targets {
		b = o.AppendUint64(b, t.Start)
		b = o.AppendUint64(b, t.Length)
		size := (specSize + len(t.Params) + 1 + 7) &^ 7
		b = o.AppendUint32(b, 0)
		b = o.AppendUint32(b, uint32(len(b)-20-start+size))
		var kind [specSize - specType]byte
		copy(kind[:len(kind)-1], t.Type)
		b = append(b, kind[:]...)
		b = append(b, t.Params...)
		b = append(b, make([]byte, size-specSize-len(t.Params))...)
	}
	return b
}

// Message returns the payload of [TargetMsg], struct dm_target_msg: the sector
// as u64, then the text and its NUL. Sector 0 is the first target.
func Message(text string) []byte {
	b := binary.NativeEndian.AppendUint64(nil, 0)
	return append(append(b, text...), 0)
}

// ParseMessage reads what [Message] wrote, from a whole request.
func ParseMessage(buf []byte) (string, error) {
	_, data, err := payload(buf)
	if err != nil {
		return "", err
	}
	if len(data) < 9 {
		return "", &DecodeError{What: "message cut off", At: len(data)}
	}
	return text(data[8:]), nil
}

// Answer puts h and data into buf as the kernel would: with FlagBufferFull,
// and without data, where that does not fit.
func Answer(buf []byte, h Header, data []byte) {
	h.Version, h.DataSize, h.DataStart = [3]uint32{major, 50, 0}, uint32(len(buf)), HeaderSize
	if len(data) > len(buf)-HeaderSize {
		h.Flags, data = h.Flags|FlagBufferFull, nil
	}
	h.put(buf)
	clear(buf[HeaderSize+copy(buf[HeaderSize:], data):])
}
