package importer

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/plans"
)

// setTimeouts reads --set. 0 leaves a timeout as it was.
func (t *ipvsadmTable) setTimeouts(r *rule) error {
	if len(r.rest) != 3 {
		return errors.New("cannot read --set: three numbers of seconds follow it, for TCP, TCP after a FIN, and UDP")
	}
	for i, to := range []*time.Duration{&t.timeouts.TCP, &t.timeouts.TCPFin, &t.timeouts.UDP} {
		n, err := whole("timeout", r.rest[i], 0, maxTimeout)
		if err != nil {
			return err
		}
		if n > 0 {
			*to = time.Duration(n) * time.Second
		}
	}
	return nil
}

// daemon reads --start-daemon and --stop-daemon.
func (t *ipvsadmTable) daemon(r *rule) error {
	s := newSync("")
	for _, role := range []string{"master", "backup"} {
		if r.state != "" && strings.HasPrefix(role, r.state) { // as ipvsadm, which takes "m"
			s.Role = role
		}
	}
	if s.Role == "" {
		return fmt.Errorf("cannot start or stop a sync daemon %q: it is master or backup", shorten(r.state))
	}
	s.Interface = "eth0" // ipvsadm's own default
	for option, value := range r.options {
		if err := setSync(&s, option, value); err != nil {
			return err
		}
	}
	same := func(o plans.SyncDaemon) bool { return o.Role == s.Role }
	if r.command == "stop-daemon" {
		t.sync = slices.DeleteFunc(t.sync, same)
		return nil
	}
	if slices.ContainsFunc(t.sync, same) {
		t.ipvs = append(t.ipvs, warn(r.at, "there is a %s sync daemon already: the kernel refuses a second, which is left out", s.Role))
		return nil
	}
	if !r.has("mcast-interface") {
		t.ipvs = append(t.ipvs, warn(r.at, "the sync daemon names no interface: ipvsadm takes eth0, and so does the plan"))
	}
	t.sync = append(t.sync, s)
	return nil
}

// newSync is a sync daemon with the kernel's defaults.
func newSync(role string) plans.SyncDaemon {
	return plans.SyncDaemon{Role: role, Group: netip.MustParseAddr(plans.DefaultSyncGroup), Port: plans.DefaultSyncPort, TTL: plans.DefaultSyncTTL}
}

// setSync takes a setting of a sync daemon, by ipvsadm's long options.
func setSync(s *plans.SyncDaemon, option, value string) error {
	var err error
	n := 0
	switch option {
	case "mcast-interface":
		if s.Interface = value; !plans.ValidInterfaceName(value) {
			return fmt.Errorf("cannot use interface %q: a name has at most 15 letters, digits, \"_\", \".\" and \"-\"", shorten(value))
		}
	case "syncid":
		s.ID, err = whole("sync ID", value, 0, 255)
	case "sync-maxlen":
		s.MaxLength, err = whole("maximum length", value, 1, 65535)
	case "mcast-port":
		n, err = whole("multicast port", value, 1, 65535)
		s.Port = uint16(n)
	case "mcast-ttl":
		s.TTL, err = whole("TTL", value, 1, 255)
	case "mcast-group":
		if s.Group, err = netip.ParseAddr(value); err != nil || !s.Group.IsMulticast() {
			return fmt.Errorf("cannot use multicast group %q: want an address like %s", shorten(value), plans.DefaultSyncGroup)
		}
	}
	return err
}
