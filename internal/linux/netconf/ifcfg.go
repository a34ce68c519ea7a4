package netconf

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"sort"
	"strings"
)

var (
	ifcfgKeyRE = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	indexedRE  = regexp.MustCompile(`^(IPADDR|NETMASK|PREFIX|GATEWAY)([0-9]+)$`)
	dnsRE      = regexp.MustCompile(`^DNS[1-9][0-9]*$`)
	dhcpRE     = regexp.MustCompile(`^(DHCP_.*|DHCPRELEASE|DHCLIENT.*|PERSISTENT_DHCLIENT)$`)
)

func dnsKey(key string) bool { return dnsRE.MatchString(key) }

// CheckIfcfg refuses further ifcfg keys that would contradict the plan's own
// attributes or that would not be settings of an interface.
func CheckIfcfg(keys map[string]string) error {
	for _, k := range sortedKeys(keys) {
		switch {
		case !ifcfgKeyRE.MatchString(k):
			return fmt.Errorf("ifcfg key %q: write capital letters, digits and '_', beginning with a letter", k)
		case derived(k):
			return fmt.Errorf("ifcfg key %s: lvsup writes it from the other attributes; leave it out of ifcfg", k)
		case k == "PATH" || k == "IFS" || k == "ENV" || k == "BASH_ENV" || k == "SHELLOPTS" || strings.HasPrefix(k, "LD_"):
			return fmt.Errorf("ifcfg key %s: the scripts that source the file would break on it", k)
		}
		if err := checkText(keys[k]); err != nil {
			return fmt.Errorf("ifcfg key %s: %w", k, err)
		}
	}
	return nil
}

// IfcfgPath is the file of an interface among those of a host: the one named
// after it, else the first whose DEVICE it is, else the one to make.
func IfcfgPath(files map[string]string, name string) string {
	own := path.Join(IfcfgDir, "ifcfg-"+name)
	if _, ok := files[own]; ok {
		return own
	}
	for _, p := range sortedKeys(files) {
		if path.Dir(p) != IfcfgDir || !strings.HasPrefix(path.Base(p), "ifcfg-") {
			continue
		}
		if l, ok := last(parseShell(files[p]), "DEVICE"); ok && l.plain && l.value == name {
			return p
		}
	}
	return own
}

func planIfcfg(want, files map[string]string, all []Settings) error {
	for _, s := range all {
		p := IfcfgPath(files, s.Name)
		content, err := EditIfcfg(files[p], s)
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", p, err)
		}
		want[p] = content
		if err := planRouteFiles(want, files, s); err != nil {
			return err
		}
		for _, m := range s.Bond.Members {
			p := IfcfgPath(files, m)
			if want[p], err = editIfcfgMember(files[p], m, s.Name); err != nil {
				return fmt.Errorf("cannot write %s: %w", p, err)
			}
		}
	}
	return nil
}

// EditIfcfg returns the ifcfg file with the settings in it. Lines that already
// say what is wanted stay as they are, in whatever quotes, and so do comments
// and keys it does not know; keys that contradict the settings go. An empty
// content makes a new file with the keys in the order of keyOrder.
func EditIfcfg(content string, s Settings) (string, error) {
	return editKeys(content, func(lines []line) ([]key, func(string) bool) { return wantedKeys(lines, s) })
}

// editKeys puts the keys that are wanted into the file, and takes out those that are
// stale.
func editKeys(content string, wanted func([]line) (keys []key, stale func(string) bool)) (string, error) {
	lines := parseShell(content)
	if n := len(lines); n > 0 && open(lines[n-1].raw) {
		return "", errors.New("the file ends within a quote or a joined line, so a shell cannot read it: mend or remove it by hand")
	}
	keys, stale := wanted(lines)
	kept := lines[:0]
	for _, l := range lines {
		if l.key == "" || !stale(l.key) {
			kept = append(kept, l)
		}
	}
	lines = kept
	for _, k := range keys {
		have, ok := last(lines, k.name)
		if ok && have.plain && (have.value == k.value || k.accept != nil && k.accept(have.value)) {
			continue
		}
		text := k.value
		if !k.bare {
			var err error
			if text, err = quote(k.value); err != nil {
				return "", fmt.Errorf("%s: %w", k.name, err)
			}
		}
		lines = set(lines, line{raw: k.name + "=" + text + "\n", key: k.name, value: k.value, plain: true})
	}
	var out strings.Builder
	for _, l := range lines {
		endLine(&out)
		out.WriteString(l.raw)
	}
	return out.String(), nil
}

// set replaces the assignments of a key by one, or puts it in its place.
func set(lines []line, l line) []line {
	var out []line
	done := false
	for _, have := range lines {
		switch {
		case have.key != l.key:
			out = append(out, have)
		case !done:
			out, done = append(out, l), true
		}
	}
	if done {
		return out
	}
	at := len(out)
	if r := rank(l.key); r < rank("") {
		at = 0
		placed := false
		for i, have := range out {
			if have.key != "" && rank(have.key) < r {
				at, placed = i+1, true
			}
		}
		if !placed { // before the first key that comes after it, below any heading
			at = len(out)
			for i, have := range out {
				if have.key != "" && rank(have.key) > r {
					at = i
					break
				}
			}
		}
	}
	out = append(out, line{})
	copy(out[at+1:], out[at:])
	out[at] = l
	return out
}

// last is the assignment that counts: a shell takes the last one.
func last(lines []line, key string) (line, bool) {
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i].key == key {
			return lines[i], true
		}
	}
	return line{}, false
}

// isStatic tells the values of BOOTPROTO that start no DHCP client.
func isStatic(bootproto string) bool {
	b := strings.ToLower(bootproto)
	return b == "none" || b == "static"
}

// isTrue is is_true of /etc/rc.d/init.d/functions.
func isTrue(v string) bool {
	switch strings.ToLower(v) {
	case "t", "true", "y", "yes", "1":
		return true
	}
	return false
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
