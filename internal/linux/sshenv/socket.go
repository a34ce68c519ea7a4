package sshenv

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// established is TCP_ESTABLISHED (include/net/tcp_states.h) as /proc/net/tcp has
// it.
const established = "01"

// socketOf gives the TCP connection that an SSH server has open, in the words of
// SSH_CONNECTION; empty if it has none, or is something else. Of sshd's processes
// above a session one keeps the connection, whatever became of the environment.
func socketOf(h host.Host, pid string) string {
	comm, err := os.ReadFile(h.Path("/proc/" + pid + "/comm"))
	if err != nil || !isServer(strings.TrimSpace(string(comm))) {
		return ""
	}
	entries, err := os.ReadDir(h.Path("/proc/" + pid + "/fd"))
	if err != nil {
		return ""
	}
	var inodes []string
	for _, e := range entries {
		target, err := os.Readlink(filepath.Join(h.Path("/proc/"+pid+"/fd"), e.Name()))
		if inode, ok := strings.CutPrefix(target, "socket:["); err == nil && ok {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	for _, table := range []string{"tcp", "tcp6"} {
		text, err := os.ReadFile(h.Path("/proc/" + pid + "/net/" + table))
		if err != nil || len(inodes) == 0 {
			continue
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != established || !slices.Contains(inodes, f[9]) {
				continue
			}
			server, err1 := endpoint(f[1])
			client, err2 := endpoint(f[2])
			if err1 == nil && err2 == nil {
				return fmt.Sprintf("%s %d %s %d", client.Addr(), client.Port(), server.Addr(), server.Port())
			}
		}
	}
	return ""
}

// isServer knows SSH servers by name: "sshd", since OpenSSH 9.8 "sshd-session" for
// each session, and "dropbear".
func isServer(comm string) bool {
	return strings.HasPrefix(comm, "sshd") || comm == "dropbear"
}

// endpoint reads "0100007F:0016" of /proc/net/tcp (proc(5)): the address in words
// of four bytes, each in the order of the machine (lvsup's are little-endian), and
// the port.
func endpoint(text string) (netip.AddrPort, error) {
	address, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(address)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("cannot read address %q", text)
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	a, ok := netip.AddrFromSlice(raw)
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil || !ok {
		return netip.AddrPort{}, fmt.Errorf("cannot read address %q", text)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
}
