package lab

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lvsup/lvsup/internal/shell"
)

// clientLine begins the comment of a lab's ssh_config that names its client.
const clientLine = "# lvsup-lab-client: "

// sshConfig is the ssh_config(5) of a lab: its guests by the names in the plan,
// reached through the `lab connect` command of the lvsup with that path.
func sshConfig(name string, t Topology, p paths, lvsup string) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# lvsup lab %s\n%s%s\n", name, clientLine, t.Client)
	for _, g := range t.Guests {
		fmt.Fprintf(&s, "\nHost %s\n\tHostName %s\n\tHostKeyAlias %s\n", g.Name, g.Login, g.Name)
	}
	var names []string
	for _, g := range t.Guests {
		names = append(names, g.Name)
	}
	fmt.Fprintf(&s, "\nHost %s\n", strings.Join(names, " "))
	fmt.Fprintf(&s, "\tUser root\n\tIdentityFile %s\n\tIdentitiesOnly yes\n\tIdentityAgent none\n", sshQuote(p.file("id_ed25519")))
	fmt.Fprintf(&s, "\tUserKnownHostsFile %s\n\tGlobalKnownHostsFile none\n\tStrictHostKeyChecking yes\n", sshQuote(p.file("known_hosts")))
	command := shell.Quote(lvsup) + " lab connect --lab " + name
	if dir := filepath.Dir(p.state); dir != DefaultStateDir {
		command += " --state-dir " + shell.Quote(dir)
	}
	// ssh expands its own % sequences, and then gives the command to a shell to exec.
	fmt.Fprintf(&s, "\tProxyCommand %s %%h %%p\n", strings.ReplaceAll(command, "%", "%%"))
	return s.String()
}

// knownHosts is the known_hosts of a lab, by the guests' names and addresses.
func knownHosts(t Topology, hostKeys map[string]string) string {
	var s strings.Builder
	for _, g := range t.Guests {
		names := []string{g.Name, g.Login.String()}
		for _, n := range g.NICs {
			for _, a := range n.Addresses {
				if a.Addr() != g.Login {
					names = append(names, a.Addr().String())
				}
			}
			if n.Lease.IsValid() && n.Lease.Addr() != g.Login {
				names = append(names, n.Lease.Addr().String())
			}
		}
		fmt.Fprintf(&s, "%s %s\n", strings.Join(names, ","), hostKeys[g.Name])
	}
	return s.String()
}

// ClientFromSSHConfig tells which host of an ssh_config is the client that a
// lab added: the place to probe from. False if no lab wrote that file.
func ClientFromSSHConfig(path string) (host string, ok bool) {
	file, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for n := 0; n < 2 && lines.Scan(); n++ {
		if name, found := strings.CutPrefix(lines.Text(), clientLine); found {
			name = strings.TrimSpace(name)
			return name, name != ""
		}
	}
	return "", false
}

// sshQuote quotes a path for ssh_config(5).
func sshQuote(path string) string {
	path = strings.ReplaceAll(path, "%", "%%")
	if strings.ContainsAny(path, " \t#") {
		return `"` + path + `"`
	}
	return path
}
