package sshconn

import (
	"fmt"
	"slices"
	"strings"
)

// directive is one line of ssh_config that holds for a host.
type directive struct {
	key, value string
	where      string // FILE:LINE
	holds      holds
}

// unfollowed are the directives that would change where a host is, how it is spoken
// to or who is trusted, and that lvsup does not follow.
func unfollowed() []struct {
	key, name string
	same      []string // values by which nothing changes
	instead   string
} {
	return []struct {
		key, name string
		same      []string
		instead   string
	}{
		{"bindinterface", "BindInterface", nil, "use BindAddress"},
		{"canonicalizehostname", "CanonicalizeHostname", []string{"no", "none", "false"}, "install openssh-client, or give HostName"},
		{"checkhostip", "CheckHostIP", []string{"no", "false"}, "host keys are looked up by name"},
		{"gssapikeyexchange", "GSSAPIKeyExchange", []string{"no", "false"}, "host keys come from known_hosts"},
		{"hostbasedauthentication", "HostbasedAuthentication", []string{"no", "false"}, "log in with a key or --ask-pass"},
		{"knownhostscommand", "KnownHostsCommand", []string{"none"}, "put the keys into a known_hosts file, or name them with host_key in the plan"},
		{"nohostauthenticationforlocalhost", "NoHostAuthenticationForLocalhost", []string{"no", "false"}, "the host's key is checked all the same"},
		{"pkcs11provider", "PKCS11Provider", []string{"none"}, "load the key into ssh-agent with ssh-add -s"},
		{"requiredrsasize", "RequiredRSASize", nil, "lvsup offers what its SSH library holds to be safe"},
		{"revokedhostkeys", "RevokedHostKeys", []string{"none"}, "mark the keys with @revoked in known_hosts"},
		{"securitykeyprovider", "SecurityKeyProvider", []string{"internal"}, "load the key into ssh-agent with ssh-add"},
		{"verifyhostkeydns", "VerifyHostKeyDNS", []string{"no", "false"}, "host keys come from known_hosts"},
	}
}

// needless are directives that have no meaning for what lvsup does: no terminal, no
// forwarding, one connection of its own.
func needless() []string {
	return strings.Fields(`addkeystoagent canonicaldomains canonicalizefallbacklocal canonicalizemaxdots
		canonicalizepermittedcnames channeltimeout clearallforwardings compression connectionattempts controlmaster controlpath
		controlpersist dynamicforward enableescapecommandline enablesshkeysign escapechar exitonforwardfailure fingerprinthash
		forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted gatewayports gssapiauthentication
		gssapiclientidentity gssapidelegatecredentials gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns gssapikexalgorithms
		hostbasedacceptedalgorithms ignoreunknown ipqos localcommand localforward loglevel logverbose nohostauthentication
		numberofpasswordprompts obscurekeystroketiming permitlocalcommand permitremoteopen rekeylimit remotecommand remoteforward
		requesttty sendenv sessiontype setenv stdinnull streamlocalbindmask streamlocalbindunlink syslogfacility tag tcpkeepalive
		tunnel tunneldevice updatehostkeys usekeychain visualhostkey xauthlocation`)
}

// followed are the directives that Resolve reads.
func followed() []string {
	return strings.Fields(`addressfamily batchmode bindaddress casignaturealgorithms certificatefile challengeresponseauthentication ciphers connecttimeout
		globalknownhostsfile hashknownhosts hostkeyalgorithms hostkeyalias hostname identitiesonly identityagent identityfile
		kbdinteractiveauthentication kexalgorithms macs passwordauthentication port preferredauthentications proxycommand proxyjump proxyusefdpass
		pubkeyacceptedalgorithms pubkeyacceptedkeytypes pubkeyauthentication serveralivecountmax serveraliveinterval stricthostkeychecking user userknownhostsfile`)
}

// warnings says what of the lines is not followed, one warning a keyword: the first
// line that holds counts. theirs are OpenSSH's settings, which tell whether a line
// that holds perhaps does; they have a value for everything, and OpenSSH has
// canonicalised the name. ignore are the patterns of IgnoreUnknown.
func warnings(lines []directive, theirs settings, ignore string) []string {
	var out []string
	for _, u := range unfollowed() {
		if u.key == "canonicalizehostname" && theirs != nil {
			continue
		}
		i := slices.IndexFunc(lines, func(l directive) bool {
			return l.key == u.key && (l.holds == surely || strings.EqualFold(theirs.first(l.key), l.value))
		})
		if i >= 0 && !slices.Contains(u.same, strings.ToLower(lines[i].value)) {
			out = append(out, fmt.Sprintf("%s: %s is not followed; %s", lines[i].where, u.name, u.instead))
		}
	}
	known := slices.Concat(followed(), needless())
	for _, u := range unfollowed() {
		known = append(known, u.key)
	}
	for _, l := range lines {
		if !slices.Contains(known, l.key) && !matchList(strings.Split(ignore, ","), l.key) {
			known = append(known, l.key)
			out = append(out, fmt.Sprintf("%s: %q is no directive that lvsup knows; it is not followed", l.where, Clean(l.key)))
		}
	}
	return out
}
