package lab

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// hostKeys are the guests' host keys by name. The lab made the file they are
// from, with one plain line a guest, so nothing more is understood here.
type hostKeys map[string]ssh.PublicKey

func readKnownHosts(path string) (hostKeys, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the lab's host keys: %w", err)
	}
	keys := hostKeys{}
	for rest := text; len(bytes.TrimSpace(rest)) > 0; {
		_, hosts, key, _, next, err := ssh.ParseKnownHosts(rest)
		if err != nil {
			return nil, fmt.Errorf("cannot read the lab's host keys in %s: %w", path, err)
		}
		for _, host := range hosts {
			keys[host] = key
		}
		rest = next
	}
	return keys, nil
}

// check is an ssh.HostKeyCallback.
func (k hostKeys) check(host string, _ net.Addr, key ssh.PublicKey) error {
	host, _, _ = strings.Cut(host, ":")
	want, ok := k[host]
	if !ok || !bytes.Equal(want.Marshal(), key.Marshal()) {
		return fmt.Errorf("guest %s has another host key than the lab gave it", host)
	}
	return nil
}
