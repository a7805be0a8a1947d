package scsireply

import "encoding/binary"

// LUNs is the parameter data of REPORT LUNS. The numbers are those of Linux'
// H:C:T:L, so that LUN 1 is 1 and flat space LUN 1 is 16385.
//
//	0..3              4..7      8..15      16..23
//	list length (BE)  reserved  first LUN  second LUN  …
func LUNs(luns ...uint64) []byte {
	b := make([]byte, 8, 8+8*len(luns))
	binary.BigEndian.PutUint32(b, uint32(8*len(luns)))
	for _, lun := range luns {
		for range 4 {
			b = binary.BigEndian.AppendUint16(b, uint16(lun))
			lun >>= 16
		}
	}
	return b
}
