package fleet

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// keyPair is an SSH key as OpenSSH keeps it in files.
type keyPair struct {
	private []byte // PEM
	public  string // one line of authorized_keys, with its end
}

func newKey() (keyPair, error) {
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return keyPair{}, fmt.Errorf("cannot make a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return keyPair{}, fmt.Errorf("cannot encode a key: %w", err)
	}
	public, err := ssh.NewPublicKey(pub)
	if err != nil {
		return keyPair{}, fmt.Errorf("cannot encode a key: %w", err)
	}
	return keyPair{pem.EncodeToMemory(block), string(ssh.MarshalAuthorizedKey(public))}, nil
}

// sshdConfig is a host's. Keys only, as on a server that is well kept; no PAM,
// since what Debian's does is systemd's work.
const sshdConfig = `HostKey /etc/ssh/fleet_host_key
AuthorizedKeysFile /etc/ssh/fleet_authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PidFile none
Subsystem sftp /usr/lib/openssh/sftp-server
`

// sshConfig is for whoever connects: ssh, Ansible and lvsup alike.
func sshConfig(dir string) string {
	return fmt.Sprintf(`Host *
  User root
  IdentityFile %s
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile %s
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
`, filepath.Join(dir, "id"), filepath.Join(dir, "known_hosts"))
}

// hostsFile is /etc/hosts of the coordinator. where says at which address a host
// is to be found.
func hostsFile(hosts []Host, where func(Host) netip.Addr) string {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n")
	for _, h := range hosts {
		fmt.Fprintln(&b, where(h), h.Name)
	}
	return b.String()
}

// writeFiles puts files into a directory; names ending in * are secret.
func writeFiles(dir string, files map[string]string) error {
	for name, text := range files {
		name, secret := strings.CutSuffix(name, "*")
		mode := os.FileMode(0o644)
		if secret {
			mode = 0o600
		}
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil {
			err = os.WriteFile(path, []byte(text), mode)
		}
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", path, err)
		}
	}
	return nil
}
