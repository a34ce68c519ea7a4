//go:build linuxroot

package sshconn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/lvsup/lvsup/internal/hostkey"
	"github.com/lvsup/lvsup/internal/shell"
)

// The servers of the matrix.
const (
	openSSH  = "OpenSSH"
	dropbear = "dropbear"
)

// matrix is what all rows share: keys, users in a copy of /etc, and the servers that
// run already.
type matrix struct {
	all     *testing.T
	dir     string
	ca      ssh.Signer
	hosts   map[string]map[string]string // server -> type -> the line of the .pub file
	running map[string]*matrixServer
	gate    *matrixServer
}

// matrixServer is one sshd or dropbear on loopback.
type matrixServer struct {
	m    *matrix
	kind string
	port int
	log  *ring
}

func (m *matrix) path(name string) string { return filepath.Join(m.dir, name) }

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test needs root: sshd logs in other users only as root")
	}
	for _, tool := range []string{"/usr/sbin/sshd", "/usr/sbin/dropbear", "/usr/bin/sudo", "/usr/bin/doas"} {
		if _, err := os.Stat(tool); err != nil {
			t.Fatalf("this test needs %s: run make test-deps", tool)
		}
	}
	m := &matrix{all: t, dir: t.TempDir(), hosts: map[string]map[string]string{openSSH: {}, dropbear: {}}, running: map[string]*matrixServer{}}
	// The users' homes are in it.
	for dir := m.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, m.path("include"), "Host target\n  User lvsup-nopass\n", 0o600)
	m.keys(t)
	m.agents(t)
	m.users(t)
	m.gate = m.server(t, openSSH, []string{"# the jump host"})
	known := ""
	for _, kind := range []string{"ed25519", "ecdsa"} {
		known += fmt.Sprintf("[127.0.0.1]:%d,gate2 %s\n", m.gate.port, m.hosts[openSSH][kind])
	}
	writeFile(t, m.path("known_gate"), known, 0o600)
	return m
}

// keys makes the keys of the users, of both servers and of an authority.
func (m *matrix) keys(t *testing.T) {
	writeKey(t, m.path("id"), "")
	writeKey(t, m.path("other"), "")
	writeKey(t, m.path("ca"), "")
	ca, err := ssh.NewSignerFromKey(rawKey(t, m.path("ca")))
	if err != nil {
		t.Fatal(err)
	}
	m.ca = ca
	if err := os.Rename(encryptKey(t, m.path("id"), "secret"), m.path("locked")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "other"} {
		cert := &ssh.Certificate{
			Key: publicKey(m.path(name + ".pub")), CertType: ssh.UserCert, ValidPrincipals: []string{"root"}, ValidBefore: ssh.CertTimeInfinity,
			Permissions: ssh.Permissions{Extensions: map[string]string{"permit-pty": ""}},
		}
		if err := cert.SignCert(rand.Reader, ca); err != nil {
			t.Fatal(err)
		}
		writeFile(t, m.path(name+"-cert"), string(ssh.MarshalAuthorizedKey(cert)), 0o644)
	}
	writeKey(t, m.path("openssh-ed25519"), "")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, m.path("openssh-ecdsa"), string(pem.EncodeToMemory(block)), 0o600)
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, m.path("openssh-ecdsa.pub"), string(ssh.MarshalAuthorizedKey(signer.PublicKey())), 0o644)
	cert := &ssh.Certificate{Key: publicKey(m.path("openssh-ed25519.pub")), CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	writeFile(t, m.path("openssh-ed25519-cert.pub"), string(ssh.MarshalAuthorizedKey(cert)), 0o644)
	run(t, "ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", m.path("openssh-rsa"))
	m.hosts[openSSH]["rsa"] = strings.TrimSpace(read(t, m.path("openssh-rsa.pub")))
	for _, kind := range []string{"ed25519", "ecdsa"} {
		m.hosts[openSSH][kind] = strings.TrimSpace(read(t, m.path("openssh-"+kind+".pub")))
		out := run(t, "dropbearkey", "-t", kind, "-f", m.path("dropbear-"+kind))
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "ssh-") || strings.HasPrefix(line, "ecdsa-") {
				words := strings.Fields(line)
				m.hosts[dropbear][kind] = words[0] + " " + words[1]
			}
		}
	}
}

// users makes a copy of /etc with users whose homes are the matrix's. They exist
// only in the mount namespaces of the servers.
func (m *matrix) users(t *testing.T) {
	authorized := read(t, m.path("id.pub"))
	script := "cp -a /etc " + shell.Quote(m.path("etc")) + "; mount --bind " + shell.Quote(m.path("etc")) + " /etc; "
	home := func(user string) string { return m.path("home/" + user) }
	for _, user := range []string{"root", "lvsup-sudo", "lvsup-nopass", "lvsup-doas", "lvsup-none"} {
		if err := os.MkdirAll(filepath.Join(home(user), ".ssh"), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(home(user), ".ssh", "authorized_keys"), authorized, 0o644)
		if user != "root" {
			script += "useradd -M -d " + shell.Quote(home(user)) + " -s /bin/sh " + user + "; chown -R " + user + " " + shell.Quote(home(user)) + "; "
		}
		script += "echo " + user + ":sesame | chpasswd -c SHA256; "
	}
	script += `sed -i "s;^\(root:x:0:0:[^:]*\):[^:]*:;\1:` + home("root") + `:;" /etc/passwd; `
	script += "echo 'lvsup-sudo ALL=(ALL) ALL\nlvsup-nopass ALL=(ALL) NOPASSWD: ALL\nDefaults !lecture' > /etc/sudoers.d/lvsup-test; chmod 440 /etc/sudoers.d/lvsup-test; "
	script += "echo 'permit nopass lvsup-doas as root' > /etc/doas.conf"
	run(t, "unshare", "-m", "--propagation", "private", "sh", "-ec", script)
}

// server gives a server with those settings, and starts it if none runs yet.
func (m *matrix) server(t *testing.T, kind string, lines []string) *matrixServer {
	t.Helper()
	name := kind + "\n" + strings.Join(lines, "\n")
	if s := m.running[name]; s != nil {
		return s
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	for try := 1; ; try++ {
		s := m.start(t, kind, lines)
		if s != nil {
			m.running[name] = s
			return s
		}
		if try == 5 {
			t.Fatalf("%s does not start", kind)
		}
	}
}

// start gives nil if the server ended at once: somebody else may have taken its port
// between the choice and the use of it.
func (m *matrix) start(t *testing.T, kind string, lines []string) *matrixServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &matrixServer{m: m, kind: kind, port: l.Addr().(*net.TCPAddr).Port, log: newRing(1 << 20)}
	_ = l.Close()
	argv, mounts := s.sshd(lines), ""
	if kind == dropbear {
		argv = []string{"/usr/sbin/dropbear", "-F", "-E", "-p", fmt.Sprintf("127.0.0.1:%d", s.port), "-r", m.path("dropbear-ed25519"), "-r", m.path("dropbear-ecdsa"), "-P", m.path("pid")}
		if len(lines) > 0 { // no sftp-server
			mounts = "mount --bind /bin/false /usr/lib/openssh/sftp-server; "
		}
	}
	cmd := exec.Command("unshare", "-m", "--propagation", "slave", "sh", "-ec",
		"mount --bind "+shell.Quote(m.path("etc"))+" /etc; "+mounts+"exec "+shell.Quote(argv...))
	cmd.Stderr = s.log
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	for begun := time.Now(); ; {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err == nil {
			_ = c.Close()
			break
		}
		select {
		case <-ended:
			t.Logf("%s on port %d ended: %s", kind, s.port, s.log)
			return nil
		case <-time.After(25 * time.Millisecond):
		}
		if time.Since(begun) > rowPatience {
			t.Fatalf("%s does not start: %s", kind, s.log)
		}
	}
	m.all.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if m.all.Failed() {
			m.all.Logf("%s %q said at last: %s", kind, lines, said(s.log.String()))
		}
	})
	return s
}

func (s *matrixServer) sshd(lines []string) []string {
	config := s.m.path(fmt.Sprintf("sshd_config.%d", s.port))
	base := []string{
		fmt.Sprintf("Port %d", s.port), "ListenAddress 127.0.0.1", "HostKey " + s.m.path("openssh-ed25519"), "HostKey " + s.m.path("openssh-ecdsa"),
		"StrictModes no", "UsePAM no", "PidFile none", "PermitRootLogin yes", "LogLevel VERBOSE", "PasswordAuthentication yes",
	}
	// The first value counts.
	all := strings.Join(append(lines, base...), "\n") + "\n"
	if !strings.Contains(all, "Subsystem") {
		all += "Subsystem sftp internal-sftp\n"
	}
	writeFile(s.m.all, config, strings.ReplaceAll(all, "{dir}", s.m.dir), 0o600)
	return []string{"/usr/sbin/sshd", "-D", "-e", "-f", config}
}

// expand puts the server's values into a text.
func (s *matrixServer) expand(text, config, known string) string {
	at := fmt.Sprintf("[127.0.0.1]:%d", s.port)
	keys := s.m.hosts[s.kind]
	pin, _ := hostkey.ParsePin(keys["ed25519"])
	return strings.NewReplacer(
		"{all}", at+" "+keys["ed25519"]+"\n"+at+" "+keys["ecdsa"]+"\n",
		"{hashed}", knownhosts.HashHostname(at)+" "+keys["ed25519"]+"\n",
		"{at}", at, "{port}", fmt.Sprint(s.port), "{gate}", fmt.Sprint(s.m.gatePort()),
		"{ed25519}", keys["ed25519"], "{ecdsa}", keys["ecdsa"], "{rsa}", keys["rsa"], "{fingerprint}", pin.Fingerprint,
		"{wrong}", publicLine(s.m.ca), "{ca}", publicLine(s.m.ca),
		"{dir}", s.m.dir, "{config}", config, "{known}", known,
	).Replace(text)
}

func (m *matrix) gatePort() int {
	if m.gate == nil {
		return 0
	}
	return m.gate.port
}
