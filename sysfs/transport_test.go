package sysfs

import (
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

func TestTransport(t *testing.T) {
	iscsi := func(session string, state string) string {
		return `
sys/bus/scsi/devices/2:0:0:1 -> ../../../devices/platform/host2/session1/target2:0:0/2:0:0:1
sys/devices/platform/host2/session1/target2:0:0/2:0:0:1/type = 0
sys/class/iscsi_session/` + session + `/targetname = iqn.2003-01.org.example:t1
sys/class/iscsi_session/` + session + `/state = ` + state
	}
	fc := func(state string) string {
		return `
sys/bus/scsi/devices/5:0:2:1 -> ../../../devices/pci0000:00/0000:00:03.0/host5/rport-5:0-4/target5:0:2/5:0:2:1
sys/class/fc_remote_ports/rport-5:0-4/port_name = 0x500a098188f7f0a1
sys/class/fc_remote_ports/rport-5:0-4/port_state = ` + state
	}
	sas := func(rates ...string) string {
		tree := `
sys/bus/scsi/devices/0:0:1:0 -> ../../../devices/pci0000:00/0000:01:00.0/host0/port-0:1/end_device-0:1/target0:0:1/0:0:1:0
sys/class/sas_device/end_device-0:1/sas_address = 0x5000c500a1b2c3d5
sys/devices/pci0000:00/0000:01:00.0/host0/port-0:1/end_device-0:1/`
		for i, r := range rates {
			phy := "phy-0:" + string(rune('0'+i))
			tree += "\nsys/devices/pci0000:00/0000:01:00.0/host0/port-0:1/" + phy + " -> ../" + phy
			tree += "\nsys/class/sas_phy/" + phy + "/negotiated_linkrate = " + r
		}
		return tree
	}
	const session, rport, end = "session1", "rport-5:0-4", "end_device-0:1"
	const iqn, wwpn, sasAddress = "iqn.2003-01.org.example:t1", "0x500a098188f7f0a1", "0x5000c500a1b2c3d5"
	tests := []struct {
		name string
		h    HCTL
		tree string
		want Transport
	}{
		{"logged in", HCTL{2, 0, 0, 1}, iscsi(session, "LOGGED_IN"), Transport{TransportISCSI, session, "LOGGED_IN", iqn, LinkUp}},
		{"failed", HCTL{2, 0, 0, 1}, iscsi(session, "FAILED"), Transport{TransportISCSI, session, "FAILED", iqn, LinkDown}},
		{"free", HCTL{2, 0, 0, 1}, iscsi(session, "FREE"), Transport{TransportISCSI, session, "FREE", iqn, LinkDown}},
		{"new state", HCTL{2, 0, 0, 1}, iscsi(session, "DREAMING"), Transport{TransportISCSI, session, "DREAMING", iqn, LinkUnknown}},
		{"session gone", HCTL{2, 0, 0, 1}, iscsi("session11", "LOGGED_IN"), Transport{Kind: TransportISCSI, Name: session}},
		{"online", HCTL{5, 0, 2, 1}, fc("Online"), Transport{TransportFC, rport, "Online", wwpn, LinkUp}},
		{"marginal", HCTL{5, 0, 2, 1}, fc("Marginal"), Transport{TransportFC, rport, "Marginal", wwpn, LinkUp}},
		{"blocked", HCTL{5, 0, 2, 1}, fc("Blocked"), Transport{TransportFC, rport, "Blocked", wwpn, LinkDown}},
		{"not present", HCTL{5, 0, 2, 1}, fc("Not Present"), Transport{TransportFC, rport, "Not Present", wwpn, LinkDown}},
		{"unknown", HCTL{5, 0, 2, 1}, fc("Unknown"), Transport{TransportFC, rport, "Unknown", wwpn, LinkUnknown}},
		{"sas", HCTL{0, 0, 1, 0}, sas("Phy disabled", "12.0 Gbit"), Transport{TransportSAS, end, "12.0 Gbit", sasAddress, LinkUp}},
		{"sas down", HCTL{0, 0, 1, 0}, sas("Phy disabled"), Transport{TransportSAS, end, "Phy disabled", sasAddress, LinkDown}},
		{"sas without phys", HCTL{0, 0, 1, 0}, sas(), Transport{TransportSAS, end, "", sasAddress, LinkUnknown}},
		{"none", HCTL{0, 0, 0, 1},
			"sys/bus/scsi/devices/0:0:0:1 -> ../../../devices/pseudo_0/adapter0/host0/target0:0:0/0:0:0:1",
			Transport{Kind: TransportNone, Link: LinkNone}},
		{"srp", HCTL{7, 0, 0, 1}, `
sys/bus/scsi/devices/7:0:0:1 -> ../../../devices/pci0000:00/0000:02:00.0/host7/target7:0:0/7:0:0:1
sys/class/srp_host/host7 -> x`, Transport{Name: "host7"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := open(t, plant(t, tt.tree)).Transport(t.Context(), tt.h)
			require.NoError(t, err)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCapturedTransport(t *testing.T) {
	f := open(t, plant(t, captured(t, "iscsi.txt")))
	for h, session := range map[HCTL]string{{0, 0, 0, 1}: "session1", {1, 0, 0, 1}: "session2"} {
		got, err := f.Transport(t.Context(), h)
		require.NoError(t, err)
		want := Transport{TransportISCSI, session, "LOGGED_IN", "iqn.2003-01.org.example:t1", LinkUp}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	got, err := f.Transport(t.Context(), HCTL{9, 0, 0, 0})
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Zero(t, got)
}

func TestTransportText(t *testing.T) {
	text, err := json.Marshal([]any{TransportUnknown, TransportNone, TransportISCSI, TransportFC, TransportSAS, TransportKind(99),
		LinkUnknown, LinkUp, LinkDown, LinkNone, Link(99)})
	require.NoError(t, err)
	const want = `["unknown","none","iscsi","fc","sas","unknown","unknown","up","down","none","unknown"]`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
