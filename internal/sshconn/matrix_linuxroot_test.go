//go:build linuxroot

package sshconn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// row is one thing that people have, or do not have, on the way to a host.
type row struct {
	what   string
	on     string   // the only server that has it; empty: both
	user   string   // root if empty
	server []string // lines of sshd_config; for dropbear arguments
	config string   // of ssh_config, before what every row has
	known  string   // known_hosts; empty: with all keys of the server
	pin    string   // host_key in the plan
	set    func(*Options)
	want   string // what the error says; empty: a session that runs a command
	then   func(t *testing.T, c *Client)
}

// In the texts of a row, names in braces stand for the matrix's files and addresses.
func rows() []row {
	password := func(word string) func(*Options) {
		return func(o *Options) { o.Password = func(context.Context, Login) (string, error) { return word, nil } }
	}
	passphrase := func(word string) func(*Options) {
		return func(o *Options) { o.Passphrase = func(context.Context, string) (string, error) { return word, nil } }
	}
	acceptNew := func(o *Options) { o.AcceptNewHostKeys = true }
	noKey := "IdentityFile none\n"
	old := []string{"HostKey {dir}/openssh-rsa", "HostKeyAlgorithms ssh-rsa", "KexAlgorithms diffie-hellman-group1-sha1", "Ciphers aes128-cbc"}
	return []row{
		{what: "key"},
		{what: "key: another's", config: "IdentityFile {dir}/other\n", want: "refused to log in"},
		{what: "key: a second one is right", config: "IdentityFile {dir}/other\nIdentityFile {dir}/id\n"},
		{what: "key: encrypted", config: "IdentityFile {dir}/locked\n", set: passphrase("secret")},
		{what: "key: encrypted, wrong passphrase", config: "IdentityFile {dir}/locked\n", set: passphrase("x"), want: "the passphrase does not open it"},
		{what: "key: encrypted, nobody to ask", config: "IdentityFile {dir}/locked\n", want: "is encrypted, load it with ssh-add"},
		{what: "agent", config: noKey + "IdentityAgent {dir}/agent/agent.sock\n"},
		{what: "agent: none", config: noKey, want: "no credentials were at hand"},
		{what: "agent: gone", config: noKey + "IdentityAgent {dir}/absent\n", want: "ssh-agent: dial unix"},
		{what: "agent: IdentitiesOnly", config: "IdentityFile {dir}/id.pub\nIdentitiesOnly yes\nIdentityAgent {dir}/many/agent.sock\n"},
		{what: "agent: IdentitiesOnly, none named", config: "IdentityFile none\nIdentitiesOnly yes\nIdentityAgent {dir}/agent/agent.sock\n", want: "0 of ssh-agent's 1 keys"},
		{what: "agent: too many keys", on: openSSH, config: noKey + "IdentityAgent {dir}/many/agent.sock\n", want: "IdentitiesOnly in ssh_config"},
		{what: "certificate", on: openSSH, server: []string{"TrustedUserCAKeys {dir}/ca.pub"}, config: "IdentityFile {dir}/other\nCertificateFile {dir}/other-cert\n"},
		{what: "certificate: none", on: openSSH, server: []string{"TrustedUserCAKeys {dir}/ca.pub"}, config: "IdentityFile {dir}/other\n", want: "refused to log in"},
		{what: "certificate: of an unknown authority", config: "IdentityFile {dir}/other\nCertificateFile {dir}/other-cert\n", want: "refused to log in"},
		{what: "certificate: the key is enough", config: "CertificateFile {dir}/id-cert\n"},
		{what: "password", config: noKey, set: password("sesame")},
		{what: "password: wrong", config: noKey, set: password("x"), want: "tried the password"},
		{what: "password: not asked for", config: noKey, want: "--ask-pass"},
		{what: "password: PasswordAuthentication no", config: noKey + "PasswordAuthentication no\nKbdInteractiveAuthentication no\n", set: password("sesame"), want: "refused to log in"},
		{what: "keyboard-interactive", on: openSSH, server: []string{"UsePAM yes", "PasswordAuthentication no", "KbdInteractiveAuthentication yes"}, config: noKey, set: password("sesame")},
		{what: "keyboard-interactive: wrong", on: openSSH, server: []string{"UsePAM yes", "PasswordAuthentication no", "KbdInteractiveAuthentication yes"}, config: noKey, set: password("x"), want: "tried the password"},
		{what: "key and password", on: openSSH, server: []string{"AuthenticationMethods publickey,password"}, set: password("sesame")},

		{what: "host key: hashed", known: "{hashed}"},
		{what: "host key: ed25519 on record", known: "{at} {ed25519}\n"},
		{what: "host key: ecdsa on record", known: "{at} {ecdsa}\n"},
		{what: "host key: name without port", known: "127.0.0.1 {ed25519}\n"},
		{what: "host key: among lines nobody can read", known: "nonsense\n[127.0.0.9]:1 ssh-rsa ####\n{at} {ecdsa}\n"},
		{what: "host key: its own line nobody can read", known: "{at} ssh-rsa ####\n", set: acceptNew, want: ":1 about this host cannot be read"},
		{what: "host key: alias", config: "HostKeyAlias pool\n", known: "pool {ed25519}\n"},
		{what: "host key: global file", config: "UserKnownHostsFile none\nGlobalKnownHostsFile {known}\n"},
		{what: "host key: unknown", known: "other {ed25519}\n", want: "is not known; compare"},
		{what: "host key: unknown, --accept-new", known: "other {ed25519}\n", set: acceptNew},
		{what: "host key: unknown, StrictHostKeyChecking yes", config: "StrictHostKeyChecking yes\n", known: "other {ed25519}\n", set: acceptNew, want: "is not known"},
		{what: "host key: changed", known: "{at} {wrong}\n", want: "the host key changed"},
		{what: "host key: changed, --accept-new", known: "{at} {wrong}\n", set: acceptNew, want: "the host key changed"},
		{what: "host key: changed, checking off", config: "StrictHostKeyChecking no\n", known: "{at} {wrong}\n", want: "the host key changed"},
		{what: "host key: revoked", known: "{at} {ed25519}\n@revoked * {ed25519}\n", set: acceptNew, want: "marked as revoked"},
		{what: "host key: authority", on: openSSH, server: []string{"HostCertificate {dir}/openssh-ed25519-cert.pub"}, known: "@cert-authority 127.0.0.* {ca}\n"},
		{what: "host key: authority, no certificate", known: "@cert-authority 127.0.0.* {ca}\n", want: "is not known"},
		{what: "host key: authority, no certificate, --accept-new", known: "@cert-authority 127.0.0.* {ca}\n", set: acceptNew, then: likeSSH},
		{what: "host key: in the plan", pin: "{ecdsa}", known: "other {wrong}\n"},
		{what: "host key: its fingerprint in the plan", pin: "{fingerprint}", known: "{at} {wrong}\n"},
		{what: "host key: another in the plan", pin: "{wrong}", set: acceptNew, want: "is not the one that the plan names"},

		{what: "config: Include", config: "Include {dir}/inclu*\n", then: loggedIn("lvsup-nopass")},
		{what: "config: Match host", config: "HostName 127.0.0.1\nMatch host 127.0.0.1\n User lvsup-nopass\nMatch all\n", then: loggedIn("lvsup-nopass")},
		{what: "config: Match user", config: "User lvsup-nopass\nMatch user lvsup-nopass\n IdentityFile {dir}/id\nMatch all\n", then: loggedIn("lvsup-nopass")},
		{what: "config: Match exec", config: "Match exec \"test %n = target\"\n User lvsup-doas\nMatch all\n", then: loggedIn("lvsup-doas")},
		{what: "config: Match exec that fails", config: "Match exec \"exit 1\"\n User lvsup-doas\nMatch all\n", then: loggedIn("root")},
		{what: "config: BindAddress", config: "BindAddress 127.0.0.7\n", then: saying("127.0.0.7", "echo $SSH_CONNECTION")},
		{what: "config: AddressFamily inet6", config: "AddressFamily inet6\n", want: "no suitable address"},
		{what: "config: algorithms", config: "Ciphers aes256-ctr\nMACs hmac-sha2-256\nKexAlgorithms curve25519-sha256,sntrup761x25519-sha512@openssh.com\n", then: agreed("aes256-ctr")},
		{what: "config: algorithms, by Match exec", config: "Match exec true\n Ciphers aes256-ctr\nMatch all\n", then: agreed("aes256-ctr")},
		{what: "config: algorithms, none that lvsup has", config: "Ciphers aes192-cbc\n", want: "config:2: Ciphers leaves nothing that lvsup could offer; it has aes128-gcm@openssh.com,"},
		{what: "config: HostKeyAlgorithms, and one key on record", config: "HostKeyAlgorithms ssh-ed25519,ecdsa-sha2-nistp256\n", known: "{at} {ecdsa}\n"},
		{what: "config: PubkeyAcceptedAlgorithms", config: "PubkeyAcceptedAlgorithms ssh-ed25519\n"},
		{what: "config: PubkeyAcceptedAlgorithms without the key's", config: "PubkeyAcceptedAlgorithms ecdsa-sha2-*\n", want: "PubkeyAcceptedAlgorithms in ssh_config is without ssh-ed25519"},
		{what: "config: CASignatureAlgorithms", on: openSSH, server: []string{"HostCertificate {dir}/openssh-ed25519-cert.pub"}, config: "CASignatureAlgorithms ^rsa-sha2-512\n", known: "@cert-authority 127.0.0.* {ca}\n"},
		{what: "config: CASignatureAlgorithms without the authority's", on: openSSH, server: []string{"HostCertificate {dir}/openssh-ed25519-cert.pub"}, config: "CASignatureAlgorithms -ssh-ed25519\n", known: "@cert-authority 127.0.0.* {ca}\n", want: "CASignatureAlgorithms in ssh_config is without"},
		{what: "old host: no allowance", on: openSSH, server: old, known: "{at} {rsa}\n", want: "allow one that the host has for it"},
		{what: "config: old host, its algorithms", on: openSSH, server: old, known: "{at} {rsa}\n", config: "KexAlgorithms +diffie-hellman-group1-sha1\nHostKeyAlgorithms +ssh-rsa\nCiphers ^aes128-cbc\n", then: agreed("aes128-cbc")},
		{what: "config: old host, its algorithms alone", on: openSSH, server: old, known: "{at} {rsa}\n", config: "KexAlgorithms diffie-hellman-group1-sha1\nHostKeyAlgorithms ssh-rsa\nCiphers aes128-cbc\n", then: agreed("aes128-cbc")},
		{what: "ProxyJump", config: "ProxyJump gate\n"},
		{what: "ProxyJump: three hops", config: "ProxyJump gate,gate2,root@gate\n"},
		{what: "ProxyJump: nobody there", config: "ProxyJump closed\n", want: "refused"},
		{what: "ProxyCommand", config: "ProxyCommand ssh -F {config} -W %h:%p gate\n"},
		{what: "ProxyCommand: fails", config: "ProxyCommand sh -c 'echo no way >&2; exit 3'\n", want: "exit status 3: no way"},

		{what: "become: root", then: becomes(nil, "")},
		{what: "become: sudo", user: "lvsup-nopass", then: becomes(nil, "")},
		{what: "become: sudo, password", user: "lvsup-sudo", then: becomes(answer("sesame"), "")},
		{what: "become: sudo, wrong password", user: "lvsup-sudo", then: becomes(answer("x"), "sudo refused the password")},
		{what: "become: sudo, nobody to ask", user: "lvsup-sudo", then: becomes(nil, "--ask-become-pass")},
		{what: "become: sudo, not allowed", user: "lvsup-none", then: becomes(answer("sesame"), "not in the sudoers file")},
		{what: "become: doas", user: "lvsup-doas", then: becomes(nil, "")},

		{what: "push: SFTP", then: pushes(BySFTP, "")},
		{what: "push: no SFTP", on: openSSH, server: []string{"Subsystem other /bin/false"}, then: pushes(ByExec, "")},
		{what: "push: no SFTP", on: dropbear, server: []string{"no sftp-server"}, then: pushes(ByExec, "")},
		{what: "push: through sudo", user: "lvsup-sudo", then: pushes(ByExec, "")},
		{what: "push: through doas", user: "lvsup-doas", then: pushes(ByExec, "")},
		{what: "push: noexec", then: pushesTo("noexec", "mounted noexec")},
		{what: "push: read-only", then: pushesTo("ro", "read-only file system")},
		{what: "push: full disk", then: pushesTo("size=1m", "no space left in")},
		{what: "push: another user's folder", then: pushesTo("uid=65534", "belongs to another user")},
		{what: "push: another user's file", then: pushesOver},

		{what: "MaxStartups", on: openSSH, server: []string{"MaxStartups 3:100:4"}, then: many},
		{what: "MaxStartups, its own", on: dropbear, then: many},
		{what: "keep-alive: a peer that stands still", set: func(o *Options) { o.KeepAliveInterval, o.KeepAliveMisses = time.Second, 6 }, then: standsStill},
	}
}

// rowPatience bounds what a row waits for: no row is about a machine that is slow.
const rowPatience = 3 * time.Minute

// TestMatrix tries what people have with OpenSSH's sshd and with dropbear, and
// prints a table of it.
func TestMatrix(t *testing.T) {
	m := newMatrix(t)
	var table strings.Builder
	for _, r := range rows() {
		line := map[string]string{openSSH: "-", dropbear: "-"}
		for _, kind := range []string{openSSH, dropbear} {
			if r.on != "" && r.on != kind {
				continue
			}
			t.Run(kind+"/"+r.what, func(t *testing.T) {
				defer func() {
					line[kind] = map[bool]string{true: "ok", false: "refused"}[r.want == ""]
					if t.Failed() {
						line[kind] = "FAILS"
					}
				}()
				m.try(t, r, kind)
			})
		}
		fmt.Fprintf(&table, "%-46s %-8s %s\n", r.what, line[openSSH], line[dropbear])
	}
	t.Logf("what was tried, and how it went as it should:\n%-46s %-8s %s\n%s", "", openSSH, dropbear, table.String())
}

func (m *matrix) try(t *testing.T, r row, kind string) {
	s := m.server(t, kind, r.server)
	config := filepath.Join(t.TempDir(), "config")
	known := filepath.Join(t.TempDir(), "known_hosts")
	text := func(s2 string) string { return s.expand(s2, config, known) }
	writeFile(t, known, text(firstOf(r.known, "{all}")), 0o600)
	user := firstOf(r.user, "root")
	own := ""
	if !strings.Contains(r.config, "IdentityFile") {
		own = "  IdentityFile {dir}/id\n"
	}
	writeFile(t, config, text("Match originalhost target\n"+r.config+"Match all\nHost target\n  User "+user+"\n"+own+`
Host gate*
  IdentityFile {dir}/id
Host gate
  HostName 127.0.0.1
  Port {gate}
Host gate2
  HostName localhost
  HostKeyAlias gate2
  Port {gate}
Host closed
  HostName 127.0.0.1
  Port 1
Host *
  HostName 127.0.0.1
  Port {port}
  User root
  IdentityAgent none
  UserKnownHostsFile {known} {dir}/known_gate
  GlobalKnownHostsFile none
`), 0o600)
	ctx, cancel := context.WithTimeout(context.Background(), rowPatience)
	defer cancel()
	for _, builtin := range []bool{false, true} {
		if builtin && !strings.HasPrefix(r.what, "config") && !strings.HasPrefix(r.what, "Proxy") {
			continue
		}
		o := Options{Resolver: Resolver{File: config, Builtin: builtin}, ConnectTimeout: rowPatience}
		if r.set != nil {
			r.set(&o)
		}
		d := NewDialer(o)
		defer func() { _ = d.Close() }()
		ep, err := d.Resolve(ctx, Target{Name: "target", HostKey: text(r.pin)})
		var c *Client
		if err == nil {
			c, err = d.Dial(ctx, ep)
		}
		if r.want != "" {
			if c != nil {
				_ = c.Close()
			}
			wantText(t, err, r.want)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := whoami(t, c); r.config == "" && got != user {
			t.Errorf("logged in as %s", got)
		}
		if r.then != nil {
			r.then(t, c)
		}
		_ = c.Close()
	}
	if strings.Contains(s.log.String(), "sesame") {
		t.Error("a password is in the server's log")
	}
}

func loggedIn(user string) func(*testing.T, *Client) { return saying(user, "whoami") }

// agreed wants a cipher.
func agreed(cipher string) func(*testing.T, *Client) {
	return func(t *testing.T, c *Client) {
		if m, ok := c.ssh.Conn.(ssh.AlgorithmsConnMetadata); !ok || m.Algorithms().Write.Cipher != cipher {
			t.Errorf("not %s: %+v", cipher, c.ssh.Conn)
		}
	}
}

func saying(want, cmd string) func(*testing.T, *Client) {
	return func(t *testing.T, c *Client) {
		out, _, _, err := c.Exec(context.Background(), cmd)
		if err != nil || !strings.HasPrefix(string(out), want) {
			t.Errorf("%s says %q, %v", cmd, out, err)
		}
	}
}

// becomes wants a root shell, or an error. The password is nowhere but in stdin.
func becomes(password func() (string, error), want string) func(*testing.T, *Client) {
	return func(t *testing.T, c *Client) {
		s, err := c.StartBecome(context.Background(), "id -u; cat; env; cat /proc/[0-9]*/cmdline", nil, password)
		if want != "" {
			wantText(t, err, want)
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		out, _, code, err := s.finish(strings.NewReader("a frame\n"), MaxOutput)
		if !strings.HasPrefix(string(out), "0\na frame\n") || code > 1 || err != nil {
			t.Errorf("got %.80q, %d, %v", out, code, err)
		}
		if strings.Contains(string(out), "sesame") {
			t.Error("the password is in an environment or in arguments")
		}
	}
}

// agentSpec is what the coordinator would push.
func agentSpec(t *testing.T, c *Client, dir string) UploadSpec {
	u := spec(payload(1500<<10), filepath.Join(dir, "agent"))
	u.Packed = gzipped(t, payload(1500<<10))
	if c.ep.User != "root" {
		u.Become, u.Password = true, answer("sesame")
	}
	return u
}

func pushes(way Way, note string) func(*testing.T, *Client) {
	return func(t *testing.T, c *Client) {
		u := agentSpec(t, c, filepath.Join(t.TempDir(), "libexec"))
		if got, err := c.Upload(context.Background(), u); err != nil || got.Way != way || !strings.Contains(got.Note, note) {
			t.Errorf("upload: %+v, %v; want %s", got, err, way)
		}
		wantFile(t, u)
	}
}

// pushesTo has a file system on which the push must fail, and leave nothing.
func pushesTo(options, want string) func(*testing.T, *Client) {
	return func(t *testing.T, c *Client) {
		dir := filepath.Join(t.TempDir(), "mnt")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		// In the server's own mount namespace.
		if _, said, code, err := c.Exec(context.Background(), "mount -t tmpfs -o "+options+" lvsup "+dir); err != nil || code != 0 {
			t.Fatalf("mount: %s, %v", said, err)
		}
		_, err := c.Upload(context.Background(), agentSpec(t, c, dir))
		var failed *UploadError
		if !errors.As(err, &failed) {
			t.Fatalf("got %v", err)
		}
		wantText(t, err, want, dir)
		if out, _, _, err := c.Exec(context.Background(), "ls -A "+dir); len(out) > 0 || err != nil {
			t.Errorf("left behind: %s, %v", out, err)
		}
	}
}

// pushesOver finds the very file, which another user may change at any time.
func pushesOver(t *testing.T, c *Client) {
	u := agentSpec(t, c, t.TempDir())
	writeFile(t, u.Path, "theirs", 0o755)
	if err := os.Chown(u.Path, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Upload(context.Background(), u); err != nil || got.Way != BySFTP {
		t.Errorf("upload: %+v, %v", got, err)
	}
	wantFile(t, u)
	if info, err := os.Stat(u.Path); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("the file still is another user's: %v", err)
	}
}

// many connects at once to a server that takes few logins at a time. How many tries
// that takes depends on how long a login takes it.
func many(t *testing.T, c *Client) {
	d := NewDialer(Options{ConnectTimeout: rowPatience, Wait: rowPatience})
	defer func() { _ = d.Close() }()
	dialMany(t, d, *c.ep, 20)
}

// standsStill stops the process at the other end.
func standsStill(t *testing.T, c *Client) {
	session, err := c.Start(context.Background(), "echo $PPID; exec sleep 300", nil)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(session.Stdout, &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(pid, syscall.SIGKILL) }()
	_, err = session.Wait()
	var lost *LostError
	if !errors.As(err, &lost) {
		t.Errorf("got %v, want a lost connection", err)
	}
}

// agents serves the agents that the rows name.
func (m *matrix) agents(t *testing.T) {
	mine := agent.AddedKey{PrivateKey: rawKey(t, m.path("id"))}
	var keys []agent.AddedKey
	for i := range 12 {
		file := m.path(fmt.Sprintf("spare%d", i))
		writeKey(t, file, "")
		keys = append(keys, agent.AddedKey{PrivateKey: rawKey(t, file)})
	}
	for name, has := range map[string][]agent.AddedKey{"agent": {mine}, "many": slices.Concat(keys, []agent.AddedKey{mine})} {
		if err := os.Symlink(filepath.Dir(serveAgent(t, has)), m.path(name)); err != nil {
			t.Fatal(err)
		}
	}
}

// likeSSH holds that OpenSSH accepts such a key as well: what known_hosts says of
// certificates alone says nothing about a plain key.
func likeSSH(t *testing.T, c *Client) {
	known := filepath.Join(t.TempDir(), "known_hosts")
	writeFile(t, known, "@cert-authority * "+read(t, strings.TrimSuffix(c.ep.IdentityFiles[0], "id")+"ca.pub"), 0o600)
	run(t, "ssh", "-F", "none", "-i", c.ep.IdentityFiles[0], "-p", fmt.Sprint(c.ep.Port), "-o", "UserKnownHostsFile="+known, "-o", "GlobalKnownHostsFile=none",
		"-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes", "-o", "IdentityAgent=none", "root@127.0.0.1", "true")
	if !strings.Contains(read(t, known), "\n[127.0.0.1]:") {
		t.Error("ssh has not recorded the key")
	}
}
