package pathway

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/wire"
)

// As /proc/net/tcp and tcp6 of Linux 6.1 on amd64 print them.
const (
	tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 18229 1 0000000000000000 100 0 0 10 0
   1: 1401A8C0:0050 0201A8C0:C350 01 00000000:00000000 00:00000000 00000000     0        0 18230 1 0000000000000000 20 4 30 10 -1
`
	tcp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   1: B80D0120000000000000000001000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   2: 0000000000000000FFFF00000100007F:0019 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   nonsense
`
)

func TestParseSockets(t *testing.T) {
	got := parseSockets(strings.NewReader(tcp+tcp6), "tcp", tcpListen)
	want := []wire.Listener{
		{Protocol: "tcp", Address: "127.0.0.1", Port: 80}, {Protocol: "tcp", Address: "::", Port: 443},
		{Protocol: "tcp", Address: "2001:db8::1", Port: 22}, {Protocol: "tcp", Address: "127.0.0.1", Port: 25},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func FuzzParseSocket(f *testing.F) {
	f.Add("0100007F:0050")
	f.Add(":")
	f.Fuzz(func(_ *testing.T, s string) { parseSocket(s) })
}

// TestCollect asks this machine's kernel: what every one can tell.
func TestCollect(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := netip.MustParseAddrPort(l.Addr().String())
	p, err := Collect(t.Context(), host.Real(), wire.PathRequest{Routes: []wire.RouteQuestion{{To: "127.0.0.1"}, {To: "nowhere"}, {To: "127.0.0.1", From: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(p.Listeners, wire.Listener{Protocol: "tcp", Address: "127.0.0.1", Port: at.Port()}) {
		t.Errorf("it does not see who listens on %s", at)
	}
	if len(p.Routes) != 3 || !p.Routes[0].Local || p.Routes[1].Error == "" || p.Routes[2].Error == "" {
		t.Errorf("routes: %+v", p.Routes)
	}
	if i := slices.IndexFunc(p.Links, func(l wire.PathLink) bool { return l.Name == "lo" }); i < 0 || p.Links[i].MTU == 0 {
		t.Errorf("links: %+v", p.Links)
	}
}
