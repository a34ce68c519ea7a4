package importer

import (
	"fmt"
	"slices"
	"strings"
)

// ipvsadmOption is an option of ipvsadm 1.31.
type ipvsadmOption struct {
	long  string
	short byte // 0: there is none
	arg   argument
}

// argument says whether an option takes one.
type argument int

const (
	noArgument argument = iota
	oneArgument
	maybeArgument // taken unless the next word begins with "-"
)

// ipvsadmCommands are the options that say what to do.
func ipvsadmCommands() []ipvsadmOption {
	return []ipvsadmOption{
		{"add-service", 'A', noArgument}, {"edit-service", 'E', noArgument}, {"delete-service", 'D', noArgument},
		{"add-server", 'a', noArgument}, {"edit-server", 'e', noArgument}, {"delete-server", 'd', noArgument},
		{"clear", 'C', noArgument}, {"set", 0, noArgument}, {"start-daemon", 0, oneArgument}, {"stop-daemon", 0, oneArgument},
		{"zero", 'Z', noArgument}, {"list", 'L', noArgument}, {"list", 'l', noArgument}, {"save", 'S', noArgument},
		{"restore", 'R', noArgument}, {"help", 'h', noArgument}, {"version", 'v', noArgument},
	}
}

// ipvsadmSettings are the other options.
func ipvsadmSettings() []ipvsadmOption {
	return []ipvsadmOption{
		{"tcp-service", 't', oneArgument}, {"udp-service", 'u', oneArgument}, {"sctp-service", 0, oneArgument},
		{"fwmark-service", 'f', oneArgument}, {"ipv6", '6', noArgument},
		{"scheduler", 's', oneArgument}, {"sched-flags", 'b', oneArgument}, {"persistent", 'p', maybeArgument},
		{"netmask", 'M', oneArgument}, {"pe", 0, oneArgument}, {"ops", 'o', noArgument},
		{"real-server", 'r', oneArgument}, {"masquerading", 'm', noArgument}, {"gatewaying", 'g', noArgument},
		{"ipip", 'i', noArgument}, {"weight", 'w', oneArgument}, {"u-threshold", 'x', oneArgument},
		{"l-threshold", 'y', oneArgument}, {"tun-type", 0, oneArgument}, {"tun-port", 0, oneArgument},
		{"tun-nocsum", 0, noArgument}, {"tun-csum", 0, noArgument}, {"tun-remcsum", 0, noArgument},
		{"mcast-interface", 0, oneArgument}, {"syncid", 0, oneArgument}, {"sync-maxlen", 0, oneArgument},
		{"mcast-group", 0, oneArgument}, {"mcast-port", 0, oneArgument}, {"mcast-ttl", 0, oneArgument},
		// These shape what a listing shows.
		{"numeric", 'n', noArgument}, {"connection", 'c', noArgument}, {"timeout", 0, noArgument},
		{"daemon", 0, noArgument}, {"stats", 0, noArgument}, {"rate", 0, noArgument}, {"thresholds", 0, noArgument},
		{"persistent-conn", 0, noArgument}, {"sort", 0, noArgument}, {"nosort", 0, noArgument}, {"exact", 'X', noArgument},
	}
}

// rule is one command line of ipvsadm, with its options by their long names.
type rule struct {
	at      Place
	command string // "add-service"
	state   string // argument of start-daemon and stop-daemon
	options map[string]string
	rest    []string // words that belong to no option
}

func (r *rule) has(option string) bool {
	_, there := r.options[option]
	return there
}

// parseRule reads a command line as popt(3) does: short options in bundles
// (-Cat), arguments behind them with and without a space or "=" (-srr, -s=rr,
// --scheduler=rr).
func parseRule(at Place, words []string) (*rule, error) {
	r := &rule{at: at, options: map[string]string{}}
	commands := ipvsadmCommands()
	all := append(commands, ipvsadmSettings()...)
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--":
			r.rest = append(r.rest, words[i+1:]...)
			i = len(words)
		case strings.HasPrefix(word, "--"):
			name, value, has := strings.Cut(word[2:], "=")
			k := slices.IndexFunc(all, func(o ipvsadmOption) bool { return o.long == name })
			if k < 0 {
				return nil, unknownOption("--"+name, all)
			}
			used, err := r.take(all[k], k < len(commands), value, has, words[i+1:])
			if err != nil {
				return nil, err
			}
			i += used
		case len(word) > 1 && word[0] == '-':
			for rest := word[1:]; rest != ""; {
				k := slices.IndexFunc(all, func(o ipvsadmOption) bool { return o.short != 0 && o.short == rest[0] })
				if k < 0 {
					return nil, unknownOption("-"+rest[:1], all)
				}
				rest = rest[1:]
				value, has := "", false
				if all[k].arg != noArgument && rest != "" {
					value, has, rest = strings.TrimPrefix(rest, "="), true, ""
				}
				used, err := r.take(all[k], k < len(commands), value, has, words[i+1:])
				if err != nil {
					return nil, err
				}
				i += used
			}
		default:
			r.rest = append(r.rest, word)
		}
	}
	if r.command == "" {
		return nil, fmt.Errorf("cannot find out what this is to do: an ipvsadm command line has one of -A, -E, -D, -a, -e, -d, -C, --set, --start-daemon and the like")
	}
	if len(r.rest) > 0 && r.command != "set" {
		return nil, fmt.Errorf("cannot make sense of %q: it belongs to no option", shorten(r.rest[0]))
	}
	return r, r.check()
}

func unknownOption(name string, all []ipvsadmOption) error {
	return fmt.Errorf("unknown option %s: ipvsadm 1.31 has none of that name%s", shorten(name), didYouMean(name, all))
}

func didYouMean(name string, all []ipvsadmOption) string {
	var names []string
	for _, o := range all {
		names = append(names, "--"+o.long)
	}
	return nearest(name, names)
}

// take records an option; used says how many of the words behind it are its
// argument.
func (r *rule) take(o ipvsadmOption, command bool, value string, has bool, behind []string) (used int, err error) {
	name := "--" + o.long
	switch {
	case has && o.arg == noArgument:
		return 0, fmt.Errorf("cannot give %s a value: it takes none", name)
	case o.arg == oneArgument && !has:
		if len(behind) == 0 {
			return 0, fmt.Errorf("cannot read %s: its value is missing", name)
		}
		value, used = behind[0], 1
	case o.arg == maybeArgument && !has && len(behind) > 0 && !strings.HasPrefix(behind[0], "-"):
		value, used = behind[0], 1
	}
	if command {
		if r.command != "" {
			return 0, fmt.Errorf("cannot do both --%s and %s: one command a line", r.command, name)
		}
		r.command, r.state = o.long, value
		return used, nil
	}
	if r.has(o.long) {
		return 0, fmt.Errorf("cannot take %s twice", name)
	}
	r.options[o.long] = value
	return used, nil
}

// check holds which options go with which command, as ipvsadm does.
func (r *rule) check() error {
	service := []string{"tcp-service", "udp-service", "sctp-service", "fwmark-service", "ipv6"}
	allowed, required := []string{}, []string{}
	switch r.command {
	case "add-service", "edit-service":
		allowed = append(service, "scheduler", "sched-flags", "persistent", "netmask", "pe", "ops")
	case "delete-service":
		allowed = service
	case "add-server", "edit-server":
		allowed = append(service, "real-server", "masquerading", "gatewaying", "ipip", "weight", "u-threshold", "l-threshold",
			"tun-type", "tun-port", "tun-nocsum", "tun-csum", "tun-remcsum")
		required = []string{"real-server"}
	case "delete-server":
		allowed, required = append(service, "real-server"), []string{"real-server"}
	case "start-daemon":
		allowed = []string{"mcast-interface", "syncid", "sync-maxlen", "mcast-group", "mcast-port", "mcast-ttl"}
	case "stop-daemon":
		allowed = []string{"syncid"}
	case "set", "clear":
	default:
		return nil // what only shows or counts
	}
	for _, o := range append(ipvsadmSettings(), ipvsadmCommands()...) {
		// ipvsadm takes -n with anything.
		if r.has(o.long) && !slices.Contains(allowed, o.long) && o.long != "numeric" {
			return fmt.Errorf("cannot use --%s with --%s: ipvsadm refuses that too", o.long, r.command)
		}
	}
	for _, o := range required {
		if !r.has(o) {
			return fmt.Errorf("cannot read --%s without --%s", r.command, o)
		}
	}
	groups := [][]string{service[:4], {"masquerading", "gatewaying", "ipip"}, {"tun-nocsum", "tun-csum", "tun-remcsum"}}
	for i, group := range groups {
		var found []string
		for _, o := range group {
			if r.has(o) {
				found = append(found, "--"+o)
			}
		}
		if len(found) > 1 {
			return fmt.Errorf("cannot take %s together: choose one", strings.Join(found, " and "))
		}
		if i == 0 && len(found) == 0 && slices.Contains(allowed, "tcp-service") {
			return fmt.Errorf("cannot tell which service --%s means: -t, -u, --sctp-service or -f is missing", r.command)
		}
	}
	return nil
}
