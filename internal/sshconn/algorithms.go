package sshconn

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Algorithms are what ssh_config allows, in its order, as far as lvsup has it. A nil
// list leaves the choice to lvsup.
type Algorithms struct {
	Ciphers, KeyExchanges, MACs []string
	HostKeys                    []string // host key algorithms
	PublicKeys                  []string // to log in with a key, certificates' among them
	Authorities                 []string // that an authority may sign a host's certificate with
}

// algorithmList is one keyword for such a list.
type algorithmList struct {
	name string
	keys []string // in lower case; the first is the present one
	own  []string // what lvsup offers unless told otherwise
	have []string // all that it could offer
	into *[]string
}

func (a *Algorithms) lists() []algorithmList {
	good, old := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	own := ssh.Config{}
	own.SetDefaults()
	auths := slices.Concat(good.PublicKeyAuths, old.PublicKeyAuths)
	logins := slices.Clone(auths)
	for _, s := range auths {
		logins = append(logins, strings.TrimSuffix(s, "@openssh.com")+certSuffix)
	}
	return []algorithmList{
		{"Ciphers", []string{"ciphers"}, own.Ciphers, slices.Concat(good.Ciphers, old.Ciphers), &a.Ciphers},
		{"KexAlgorithms", []string{"kexalgorithms"}, own.KeyExchanges, slices.Concat(own.KeyExchanges, good.KeyExchanges, old.KeyExchanges), &a.KeyExchanges},
		{"MACs", []string{"macs"}, own.MACs, slices.Concat(good.MACs, old.MACs), &a.MACs},
		{"HostKeyAlgorithms", []string{"hostkeyalgorithms"}, hostKeyAlgorithms(), slices.Concat(hostKeyAlgorithms(), old.HostKeys), &a.HostKeys},
		{"PubkeyAcceptedAlgorithms", []string{"pubkeyacceptedalgorithms", "pubkeyacceptedkeytypes"}, logins, logins, &a.PublicKeys},
		{"CASignatureAlgorithms", []string{"casignaturealgorithms"}, auths, auths, &a.Authorities},
	}
}

// isAlgorithmList says that a keyword, in lower case, is for such a list.
func isAlgorithmList(key string) bool {
	return slices.ContainsFunc((&Algorithms{}).lists(), func(l algorithmList) bool { return slices.Contains(l.keys, key) })
}

// fill reads the lists from the lines that hold for a host. theirs are OpenSSH's
// settings, and defaults what OpenSSH has without any file; both are nil without
// OpenSSH. They tell of a line that holds perhaps.
func (a *Algorithms) fill(lines []directive, theirs settings, defaults func() (settings, error)) error {
	for _, l := range a.lists() {
		i := slices.IndexFunc(lines, func(d directive) bool { return slices.Contains(l.keys, d.key) })
		if i < 0 {
			continue
		}
		value := lines[i].value
		if lines[i].holds == perhaps {
			without, err := defaults()
			if err != nil {
				return err
			}
			value = ""
			for _, key := range l.keys {
				if v := theirs.first(key); v != "" && v != without.first(key) {
					value = v
				}
			}
			if value == "" {
				continue
			}
		}
		if *l.into = l.choose(value); len(*l.into) == 0 {
			return fmt.Errorf("%s: %s leaves nothing that lvsup could offer; it has %s", lines[i].where, l.name, strings.Join(l.have, ","))
		}
	}
	return nil
}

// choose reads a list: names with commas, which may have wildcards, and before them
// "+" to add to lvsup's own, "-" to take away from them, "^" to put before them.
func (l algorithmList) choose(value string) []string {
	var out []string
	add := func(names []string) {
		for _, n := range names {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	how, list := byte(0), value
	if value != "" && strings.IndexByte("+-^", value[0]) >= 0 {
		how, list = value[0], value[1:]
	}
	if how == '-' {
		add(slices.DeleteFunc(slices.Clone(l.own), func(n string) bool { return matchList(strings.Split(list, ","), n) }))
		return out
	}
	if how == '+' {
		add(l.own)
	}
	for pattern := range strings.SplitSeq(list, ",") {
		add(slices.DeleteFunc(slices.Clone(l.have), func(n string) bool { return !matchList([]string{pattern}, n) }))
	}
	if how == '^' {
		add(l.own)
	}
	return out
}

// hostKeyAlgorithms are lvsup's own, in OpenSSH's order.
func hostKeyAlgorithms() []string {
	own := ssh.SupportedAlgorithms().HostKeys
	slices.SortStableFunc(own, func(a, b string) int { return keyRank(a) - keyRank(b) })
	return own
}

const certSuffix = "-cert-v01@openssh.com"

func isCertificate(algorithm string) bool { return strings.Contains(algorithm, "-cert-") }

// withoutCert gives the algorithm that a key signs with, whether certified or not.
func withoutCert(algorithm string) string {
	plain, cert := strings.CutSuffix(algorithm, certSuffix)
	if cert && strings.HasPrefix(plain, "sk-") {
		plain += "@openssh.com"
	}
	return plain
}

// signatures are those of the allowed algorithms that a key of this format may log in
// with, as signature algorithms.
func signatures(format string, allowed []string) []string {
	var out []string
	for _, a := range allowed {
		plain := withoutCert(a)
		if isCertificate(a) == isCertificate(format) &&
			(plain == withoutCert(format) || slices.Contains(keyAlgorithms(withoutCert(format)), plain)) {
			out = append(out, plain)
		}
	}
	return out
}

// allowed restricts a signer to what PubkeyAcceptedAlgorithms names; nil if that is
// nothing.
func (c *credentials) allowed(s tellingSigner) ssh.Signer {
	if c.algorithms == nil {
		return s
	}
	format := s.PublicKey().Type()
	names := signatures(format, c.algorithms)
	if len(names) > 0 {
		if restricted, err := ssh.NewSignerWithAlgorithms(s, names); err == nil {
			return restricted
		}
	}
	c.tried = append(c.tried, s.name+": PubkeyAcceptedAlgorithms in ssh_config is without "+Clean(format))
	return nil
}

// withoutFiles gives what OpenSSH does without any ssh_config.
func (r Resolver) withoutFiles(ctx context.Context, ssh, alias string) func() (settings, error) {
	return func() (settings, error) { return Resolver{File: "none"}.openSSH(ctx, ssh, alias, "", 0) }
}
