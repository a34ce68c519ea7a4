package sysctl

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/procsys"
	"github.com/lvsup/lvsup/internal/step"
)

// Of some parameters of an interface the kernel takes the higher of its value and
// that of "all" (IN_DEV_MAXCONF in include/linux/inetdevice.h). To write the lower
// one changes nothing then.
const (
	conf      = "net.ipv4.conf."
	allOf     = "all"
	arpIgnore = "arp_ignore"
)

// highest gives the interface, or "all", and the parameter, if the name is that of
// such a parameter.
func highest(name string) (iface, parameter string, ok bool) {
	rest, ok := strings.CutPrefix(name, conf)
	at := strings.LastIndexByte(rest, '.')
	if !ok || at < 0 {
		return "", "", false
	}
	iface, parameter = rest[:at], rest[at+1:]
	switch parameter {
	case "rp_filter", arpIgnore, "arp_announce":
		return iface, parameter, iface != "default"
	}
	return "", "", false
}

// outdone gives a blocked change for each parameter of an interface that is not
// what the plan wants although it is written: where that of "all" is higher, or,
// with arp_ignore on all, where the interface has a value at which it answers for
// a VIP on lo, or for nothing (Documentation/networking/ip-sysctl.rst).
func outdone(want Desired, have Observed) []step.Change {
	var changes []step.Change
	blocked := func(name string, value, wanted int, why string) {
		changes = append(changes, step.Change{
			Action: step.Update, ID: step.ID{Key: name, Field: effective},
			From: strconv.Itoa(value), To: strconv.Itoa(wanted), Blocked: why,
		})
	}
	for _, name := range want.names() {
		iface, parameter, ok := highest(name)
		wanted, err := strconv.Atoi(normal(want.Settings[name]))
		switch {
		case !ok || err != nil:
		case iface != allOf:
			all := conf + allOf + "." + parameter
			if value, says, ok := have.higher(want, all, wanted); ok {
				blocked(name, value, wanted, fmt.Sprintf(
					"the kernel takes the higher of this and %s, which %s: let the plan's sysctl say %s = %d too", all, says, all, wanted))
			}
		case parameter == arpIgnore && (wanted == 1 || wanted == 2):
			for _, other := range have.Others {
				value, says, ok := have.higher(want, other, 2)
				if _, planned := want.Settings[other]; !ok || planned {
					continue
				}
				does := "it answers ARP for a VIP on lo"
				if value == 8 {
					does = "it answers no ARP at all"
				}
				blocked(other, value, wanted, fmt.Sprintf(
					"it beats %s, since it %s: %s; let the plan's sysctl say %s = %d", name, says, does, other, wanted))
			}
		}
	}
	return changes
}

// higher reports a value of the parameter above the bound: the one that the plan
// wants, or else what a file makes of it at boot, or what it is now. says is to
// follow "which".
func (o Observed) higher(want Desired, name string, bound int) (value int, says string, ok bool) {
	if planned, ok := want.Settings[name]; ok {
		value, err := strconv.Atoi(normal(planned))
		return value, "the plan sets to " + planned, err == nil && value > bound
	}
	if value, err := strconv.Atoi(o.Live[name]); err == nil && value > bound {
		return value, "is " + o.Live[name], true
	}
	files := procsys.Place(o.Boot[procsys.Systemd], File, render(want))
	s, ok := procsys.Effective(procsys.Systemd, files, name)
	if iface, parameter, _ := highest(name); !ok && iface != allOf {
		s, ok = procsys.Effective(procsys.Systemd, files, conf+"default."+parameter)
	}
	if !ok || s.Excluded {
		return 0, "", false
	}
	value, err := strconv.Atoi(normal(s.Value))
	return value, fmt.Sprintf("%s sets to %d at boot", s, value), err == nil && value > bound
}
