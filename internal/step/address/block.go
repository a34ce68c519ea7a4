package address

import (
	"fmt"
	"net/netip"
	"path"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/step"
)

// block marks the changes that could cut the SSH session lvsup runs in: those
// to the interface that has its address, to the one its answers leave by, and
// to the default route if they take it. Boot files of such an interface are
// blocked with it, so that nothing is half written; they are free where the
// live state is as planned already.
func block(changes []step.Change, settings []netconf.Settings, have Observed) {
	s := have.Session
	if s == nil {
		return
	}
	why := map[string]string{} // by interface
	for n := range changes {
		c := &changes[n]
		if !c.Action.Mutates() || c.Field == step.ContentField || c.Field == FieldIfState {
			continue
		}
		reason := liveReason(*c, *s)
		if reason == "" {
			continue
		}
		c.Blocked = reason
		if c.Key != KeyDefault {
			why[c.Key] = reason
			continue
		}
		for _, text := range []string{c.From, c.To} {
			if r, err := parseRoute(text); err == nil {
				why[r.Interface] = reason
			}
		}
	}
	for n := range changes {
		c := &changes[n]
		if !c.Action.Mutates() || c.Field != step.ContentField || c.Key == netconf.ResolvConf {
			continue
		}
		for _, i := range have.Interfaces {
			if reason := why[i.Name]; reason != "" && fileOf(c.Key, i.Name, have) {
				c.Blocked = reason
			}
		}
	}
}

// liveReason says why a change to the running network could cut the session.
func liveReason(c step.Change, s Session) string {
	const wayOut = "lvsup cannot change it safely yet: connect through another interface (connection { host = ... }), or change it at the console"
	switch {
	case c.Key == KeyDefault:
		if s.ViaDefault && (c.Field == FieldGateway6) == s.Client.Is6() {
			return fmt.Sprintf("the default route carries this SSH session (%s); %s", s, wayOut)
		}
	case c.Key == s.Interface || c.Key == s.Out:
		return fmt.Sprintf("%s carries this SSH session (%s); %s", c.Key, s, wayOut)
	default:
		p, err := netip.ParsePrefix(c.Field)
		if err == nil && !c.Action.Removes() && (p.Masked().Contains(s.Client) || p.Addr() == s.Server) {
			return fmt.Sprintf("%s on %s would take over the way of this SSH session (%s), which %s carries; %s", p, c.Key, s, s.Interface, wayOut)
		}
	}
	return ""
}

// fileOf reports whether a boot file has to do with an interface.
func fileOf(file, name string, have Observed) bool {
	switch path.Dir(file) {
	case netconf.IfcfgDir:
		return file == netconf.IfcfgPath(have.Files.Content, name)
	case netconf.InterfacesDir:
		own := strings.HasPrefix(path.Base(file), path.Base(netconf.OwnInterfacesPath("")))
		return !own || file == netconf.OwnInterfacesPath(name)
	}
	return file == netconf.InterfacesTop
}
