package importer

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/plans"
)

// defaultPersistence is what ipvsadm and keepalived take for a persistence
// without a timeout (IPVS_SVC_PERSISTENT_TIMEOUT), in seconds.
const defaultPersistence = 360

// maxTimeout is the longest timeout that ipvsadm takes: 31 days, in seconds.
const maxTimeout = 31 * 24 * 60 * 60

// IPVSAdm reads what `ipvsadm -S` wrote, or a script of ipvsadm commands. The
// commands are carried out in order on an empty table, without control flow; the
// table at the end is the result.
//
// The error is an Errors.
func IPVSAdm(src []byte, o Options) (*Result, error) {
	d := newDraft("ipvsadm", o)
	if len(src) > MaxSize {
		d.fail(Place{File: d.opts.File}, "cannot import more than %d bytes: split the file", MaxSize)
		return nil, d.errors
	}
	t := &ipvsadmTable{draft: d, servers: map[backendKey]*backend{}}
	saved, seen := true, 0 // whether it looks like the output of ipvsadm -S
	shell := newShellReader(d.opts.File, src)
	for {
		c, more := shell.next()
		if !more || d.full || len(d.errors) >= maxErrors {
			break
		}
		words, script := t.rule(shell, c)
		if script {
			saved = false
		}
		if len(words) == 0 {
			continue
		}
		if c.unknown != "" {
			d.fail(c.at, "cannot know what %s stands for here: run the script on the director, then import what `ipvsadm -S -n` prints", c.unknown)
			continue
		}
		r, err := parseRule(c.at, words)
		if err != nil {
			d.fail(c.at, "%s", err)
			continue
		}
		seen++
		saved = saved && (r.command == "add-service" || r.command == "add-server") && !r.has("u-threshold") && !r.has("l-threshold")
		if err := t.run(r); err != nil {
			d.fail(c.at, "%s", err)
		}
	}
	if len(d.services) == 0 && t.cleared.Line > 0 {
		d.fail(t.cleared, "cannot import an empty table: this line takes away what was added before; import only the part of the script that sets up, or what `ipvsadm -S -n` prints")
	}
	if saved && seen > 0 {
		d.ipvs = append(d.ipvs, warn(Place{File: d.opts.File},
			"ipvsadm -S does not save thresholds, timeouts and sync daemons. Thresholds that the plan does not name are removed; the others are left alone. lvsup reads them all: lvsup export ipvsadm PLAN | lvsup import ipvsadm, where PLAN has this cluster and director block and no more"))
	}
	return d.build()
}

// ipvsadmTable is the table that commands of ipvsadm have made.
type ipvsadmTable struct {
	*draft
	servers map[backendKey]*backend // of all services, also of those that are gone
	cleared Place                   // the last command that emptied a table with services in it
}

// backendKey finds a real server of a service.
type backendKey struct {
	service *service
	at      netip.AddrPort
}

// rule gives what of a command stands behind "ipvsadm", or all of a line of
// rules, which begins with "-". Other commands are noted; script says that this is
// no line of bare rules.
func (t *ipvsadmTable) rule(shell *shellReader, c command) (words []string, script bool) {
	words = shell.assign(c)
	if len(words) == 0 {
		return nil, len(c.words) > 0
	}
	if strings.HasPrefix(words[0], "-") {
		return words, false
	}
	flow := false
	for i, w := range words {
		switch base := path.Base(w); {
		case base == "ipvsadm":
			return words[i+1:], true
		case slices.Contains([]string{"then", "do", "else", "if", "while", "until", "!", "{"}, w):
			flow = true
			continue
		case slices.Contains([]string{"sudo", "doas", "exec", "nice", "time", "env", "command"}, base):
			continue
		}
		break
	}
	if slices.ContainsFunc(words, func(w string) bool { return path.Base(w) == "ipvsadm" }) {
		t.end = append(t.end, warn(c.at, "ipvsadm is run through %s, which is not followed: import what `ipvsadm -S -n` prints there", shorten(words[0])))
		return nil, true
	}
	first := path.Base(words[0])
	switch {
	case flow || slices.Contains([]string{"if", "for", "while", "until", "case", "elif", "function", "select"}, first):
		t.end = append(t.end, warn(c.at, "control flow of the shell is not followed: every ipvsadm command is taken, once and in order"))
	case first == "ip" || first == "ifconfig":
		t.end = append(t.end, warn(c.at, "addresses and routes are not carried over: keep what sets them, or describe the director's interfaces in the plan and take keep_vip out"))
	case first == "sysctl" || first == "echo" && strings.Contains(strings.Join(c.words, " "), "/proc/sys"):
		t.director = append(t.director, warn(c.at, "kernel parameters are not carried over: write them into the director's sysctl map"))
	default:
		t.end = append(t.end, warn(c.at, "shell commands other than ipvsadm are not carried over"))
	}
	return nil, true
}

// run carries out one command on the table.
func (t *ipvsadmTable) run(r *rule) error {
	switch r.command {
	case "clear":
		if len(t.services) > 0 {
			t.cleared = r.at
		}
		t.clear()
		return nil
	case "set":
		return t.setTimeouts(r)
	case "start-daemon", "stop-daemon":
		return t.daemon(r)
	case "add-service", "edit-service", "delete-service", "add-server", "edit-server", "delete-server":
	case "restore":
		t.end = append(t.end, warn(r.at, "rules that ipvsadm -R reads from another file are not seen here: import that file"))
		return nil
	default:
		t.end = append(t.end, warn(r.at, "ipvsadm --%s sets nothing up: left out", r.command))
		return nil
	}
	k, looked, err := t.key(r)
	if err != nil {
		return err
	}
	there := t.find(k)
	switch r.command {
	case "add-service", "edit-service":
		s, err := t.service(r, k)
		if err != nil {
			return err
		}
		return t.putService(r, s, there, looked)
	case "delete-service":
		if there == nil {
			t.end = append(t.end, warn(r.at, "there is no service %s to delete here: ipvsadm refuses this", k))
			return nil
		}
		t.drop(r.at, k, there)
		return nil
	}
	if there == nil {
		if r.command == "delete-server" {
			t.end = append(t.end, warn(r.at, "there is no service %s with real servers to delete here: ipvsadm refuses this", k))
			return nil
		}
		return fmt.Errorf("cannot give %s a real server: it has not been added; put its -A line above this one", k)
	}
	return t.server(r, there)
}

func (t *ipvsadmTable) drop(at Place, k key, s *service) {
	delete(t.index, k)
	t.backends -= len(s.backends)
	t.services = slices.DeleteFunc(t.services, func(o *service) bool { return o == s })
	if len(t.services) == 0 {
		t.cleared = at
	}
}

func (t *ipvsadmTable) putService(r *rule, s, there *service, looked string) error {
	if looked != "" {
		s.notes = append(s.notes, remark(r.at, "%s", looked))
	}
	switch {
	case r.command == "add-service" && there != nil:
		there.notes = append(there.notes, warn(r.at, "%s is there already: ipvsadm refuses the second -A, which is left out", s.key()))
	case r.command == "add-service":
		t.add(s)
	case there == nil:
		return fmt.Errorf("cannot edit %s: it has not been added; write -A instead of -E", s.key())
	default: // -E sets everything anew, and leaves the real servers
		s.backends, s.at, s.notes = there.backends, there.at, append(there.notes, s.notes...)
		*there = *s
	}
	return nil
}

// key reads which service a command is about.
func (t *ipvsadmTable) key(r *rule) (k key, looked string, err error) {
	if mark, is := r.options["fwmark-service"]; is {
		// ipvsadm -S prints large marks as negative numbers.
		n, err := strconv.ParseInt(mark, 10, 64)
		if err != nil || n == 0 || n < math.MinInt32 || n > math.MaxUint32 {
			return key{}, "", fmt.Errorf("cannot read firewall mark %q: want a whole number from 1 to %d", shorten(mark), uint32(math.MaxUint32))
		}
		return key{fwmark: uint32(n), ipv6: r.has("ipv6")}, "", nil
	}
	for option, protocol := range map[string]string{"tcp-service": "tcp", "udp-service": "udp", "sctp-service": "sctp"} {
		if text, is := r.options[option]; is {
			k.protocol = protocol
			k.address, k.port, _, looked, err = t.endpoint(text, protocol, r.has("ipv6"))
			k.ipv6 = k.address.Is6()
		}
	}
	return k, looked, err
}

// service reads the settings of a service.
func (t *ipvsadmTable) service(r *rule, k key) (*service, error) {
	s := &service{at: r.at, protocol: k.protocol, address: k.address, port: k.port, fwmark: k.fwmark, ipv6: k.ipv6}
	var err error
	s.scheduler = r.options["scheduler"]
	if timeout, is := r.options["persistent"]; is {
		s.persist = defaultPersistence
		if timeout != "" {
			if s.persist, err = whole("persistence timeout", timeout, 1, maxTimeout); err != nil {
				return nil, err
			}
		}
	}
	if mask, is := r.options["netmask"]; is {
		prefix, holes, err := netmask(mask, s.ipv6)
		switch {
		case err != nil:
			return nil, err
		case s.persist == 0:
			s.notes = append(s.notes, warn(r.at, "a netmask without persistence does nothing: left out"))
		case holes:
			s.notes = append(s.notes, holesNote(r.at, mask))
		default:
			s.prefix = prefix
		}
	}
	s.engine = r.options["pe"]
	if s.onePacket = r.has("ops"); s.onePacket && k.fwmark == 0 && k.protocol != "udp" {
		return nil, errors.New("cannot schedule single packets of TCP or SCTP: -o goes with -u and -f only")
	}
	if k.fwmark == 0 && k.port == 0 && s.persist == 0 {
		return nil, errors.New("cannot serve every port without persistence: give the address a port, or add -p")
	}
	if flags, is := r.options["sched-flags"]; is {
		s.flags = strings.Split(flags, ",")
	}
	return s, nil
}

func holesNote(at Place, mask string) note {
	return warn(at, "netmask %s has holes, which a plan cannot say: each client counts on its own", shorten(mask))
}

// server carries out -a, -e and -d.
func (t *ipvsadmTable) server(r *rule, s *service) error {
	b := &backend{at: r.at, weight: 1, forwarding: plans.ForwardDR}
	text := r.options["real-server"]
	a, port, has, looked, err := t.endpoint(text, s.protocol, s.ipv6)
	if err != nil {
		return err
	}
	if b.address, b.port = a, port; !has && s.fwmark == 0 {
		b.port = s.port
	}
	if looked != "" {
		b.notes = append(b.notes, remark(r.at, "%s", looked))
	}
	if err := t.settings(r, b); err != nil {
		return err
	}
	// As ipvsadm does: these methods leave the packet's port alone.
	if r.command != "delete-server" && b.forwarding != plans.ForwardNAT && s.fwmark == 0 && b.port != s.port {
		b.notes = append(b.notes, warn(r.at, "port %d of a real server counts only with -m: it gets the service's", b.port))
		b.port = s.port
	}
	id := backendKey{s, b.endpoint()}
	there := t.servers[id]
	switch {
	case r.command == "delete-server" && there != nil:
		s.backends = slices.DeleteFunc(s.backends, func(o *backend) bool { return o == there })
		delete(t.servers, id)
		t.backends--
	case r.command == "delete-server":
		s.notes = append(s.notes, warn(r.at, "there is no real server %s to delete here: ipvsadm refuses this", b.endpoint()))
	case r.command == "add-server" && there != nil:
		there.notes = append(there.notes, warn(r.at, "the real server is there already: ipvsadm refuses the second -a, which is left out"))
	case r.command == "add-server":
		t.servers[id] = b
		t.attach(s, b)
	case there == nil:
		return fmt.Errorf("cannot edit real server %s: it has not been added; write -a instead of -e", b.endpoint())
	default:
		b.at = there.at
		*there = *b
	}
	return nil
}

// settings reads the options of a real server.
func (t *ipvsadmTable) settings(r *rule, b *backend) error {
	var err error
	if w, is := r.options["weight"]; is {
		if b.weight, err = whole("weight", w, 0, math.MaxInt32); err != nil {
			return err
		}
	}
	for option, to := range map[string]*int{"u-threshold": &b.upper, "l-threshold": &b.lower} {
		if v, is := r.options[option]; is {
			if *to, err = whole("threshold", v, 0, math.MaxInt32); err != nil {
				return err
			}
		}
	}
	switch {
	case r.has("masquerading"):
		b.forwarding = plans.ForwardNAT
	case r.has("ipip"):
		b.forwarding = plans.ForwardTUN
	}
	return t.tunnel(r, b)
}

func (t *ipvsadmTable) tunnel(r *rule, b *backend) error {
	typ, has := r.options["tun-type"]
	port, hasPort := r.options["tun-port"]
	checksum := ""
	for option, word := range map[string]string{"tun-nocsum": "none", "tun-csum": "full", "tun-remcsum": "remote"} {
		if r.has(option) {
			checksum = word
		}
	}
	if b.forwarding != plans.ForwardTUN {
		if has || hasPort || checksum != "" {
			return errors.New("cannot use tunnel options without -i: they are for tunnelled real servers")
		}
		return nil
	}
	if !has {
		typ = "ipip"
	}
	b.tunnel = plans.Tunnel{Type: typ, Checksum: "none"}
	switch {
	case typ != "ipip" && typ != "gue" && typ != "gre":
		return fmt.Errorf("cannot use tunnel type %q: there are ipip, gue and gre", shorten(typ))
	case typ == "gue" && !hasPort:
		return errors.New("cannot use a gue tunnel without --tun-port: it is the UDP port that the real server listens on")
	case typ != "gue" && hasPort:
		return fmt.Errorf("cannot use --tun-port with %s: only gue has a port", typ)
	case typ == "ipip" && checksum != "":
		return errors.New("cannot use checksum options with ipip: only gue and gre have checksums")
	case typ == "gre" && checksum == "remote":
		return errors.New("cannot use --tun-remcsum with gre: only gue has it")
	}
	if checksum != "" {
		b.tunnel.Checksum = checksum
	}
	if hasPort {
		n, err := whole("tunnel port", port, 1, 65535)
		if err != nil {
			return err
		}
		b.tunnel.Port = uint16(n)
	}
	return nil
}
