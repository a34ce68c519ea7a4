package sshenv

import (
	"os"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// Lines of a real kernel: a listener, a connection to [::1]:22 and one to an IPv4
// address of a socket for both families.
const tcp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1173 1 0000000000000000 100 0 0 10 0
   1: 00000000000000000000000001000000:0016 00000000000000000000000001000000:C350 01 00000000:00000000 02:00000000 00000000     0        0 2001 1 0000000000000000 20 4 30 10 -1
   2: 0000000000000000FFFF00000B8CA8C0:0016 0000000000000000FFFF0000028CA8C0:D7B4 01 00000000:00000000 02:00000000 00000000     0        0 2002 1 0000000000000000 20 4 30 10 -1
`

const tcp4 = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B8CA8C0:0016 018CA8C0:C350 01 00000000:00000000 02:00000000 00000000     0        0 3001 2 0000000000000000 20 4 30 10 -1
   1: 0B8CA8C0:0016 018CA8C0:C351 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0000000000000000
`

// A session whose environment is gone altogether is found by the connection that
// sshd has open above it.
func TestConnectionOfSSHDsSocket(t *testing.T) {
	t.Setenv(name, "")
	for inode, want := range map[string]string{
		"1173": "", // it listens
		"2001": "::1 50000 ::1 22",
		"2002": "192.168.140.2 55220 192.168.140.11 22",
		"3001": "192.168.140.1 50000 192.168.140.11 22",
		"9999": "",
	} {
		t.Run(inode, func(t *testing.T) {
			h := proc(t, "", "A=1\x00", "B=2\x00")
			dir := h.Path("/proc/102")
			for _, d := range []string{dir + "/fd", dir + "/net"} {
				if err := os.MkdirAll(d, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for file, text := range map[string]string{"net/tcp": tcp4, "net/tcp6": tcp6, "comm": "sshd\n"} {
				if err := os.WriteFile(dir+"/"+file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for fd, target := range map[string]string{"0": "/dev/null", "3": "socket:[" + inode + "]", "4": "socket:[7]"} {
				if err := os.Symlink(target, dir+"/fd/"+fd); err != nil {
					t.Fatal(err)
				}
			}
			if got := Connection(h); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if err := os.WriteFile(dir+"/comm", []byte("curl\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := Connection(h); got != "" {
				t.Errorf("of another program's connection: %q", got)
			}
		})
	}
}

func TestEndpointsThatAreNone(t *testing.T) {
	for _, text := range []string{"", ":", "0100007F", "0100007F:", "0100007F:FFFFF", "0100:0016", "zz00007F:0016"} {
		if p, err := endpoint(text); err == nil || !strings.Contains(err.Error(), "cannot read address") {
			t.Errorf("%q: %v, %v", text, p, err)
		}
	}
	if Connection(host.Host{Root: t.TempDir()}) != "" {
		t.Error("a connection without /proc")
	}
}
