package plans

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// maxTimeout is the longest timeout of idle connections that every kernel takes:
// it counts in ticks of an int, of which there are up to 1000 a second
// (ip_vs_set_timeout in net/netfilter/ipvs/ip_vs_ctl.c).
const maxTimeout = math.MaxInt32 / 1000 * time.Second

// maxDrain bounds how long a run waits for the connections of one backend.
const maxDrain = 24 * time.Hour

// checkIPVS looks at what the director's IPVS is told beyond its services.
func (v *validator) checkIPVS() {
	i := &v.cluster.IPVS
	if _, wrote := i.Source[""]; wrote && len(v.cluster.Services) == 0 && len(v.cluster.Directors()) == 0 && len(v.cluster.Hosts) > 0 {
		v.errorAt(i.Source.At(""), "The plan has no director", "This block is about its IPVS. Add a director block.")
	}
	v.checkDrain(i.Source.At("drain"), i.Drain)
	v.checkTimeout(i.Timeouts, "tcp", i.Timeouts.TCP)
	v.checkTimeout(i.Timeouts, "tcp_fin", i.Timeouts.TCPFin)
	v.checkTimeout(i.Timeouts, "udp", i.Timeouts.UDP)
	first := map[string]*SyncDaemon{}
	for n := range i.Sync {
		d := &i.Sync[n]
		if before, twice := first[d.Role]; twice && d.Role != "" {
			v.errorAt(d.Source.At("role"), fmt.Sprintf("Second sync daemon of role %q", d.Role), fmt.Sprintf(
				"A director has one of each role, and the plan has one at %s. Write role = %q, or remove one.",
				before.Source.At(""), otherRole(d.Role)))
		} else {
			first[d.Role] = d
		}
		v.checkSync(d)
	}
}

func otherRole(role string) string {
	if role == SyncMaster {
		return SyncBackup
	}
	return SyncMaster
}

func (v *validator) checkDrain(at Range, d time.Duration) {
	switch {
	case d < 0 || d%time.Second != 0:
		v.errorAt(at, fmt.Sprintf("Drain time %s is not whole seconds", d),
			"Write whole seconds, for example \"30s\", or \"0s\" to remove backends at once.")
	case d > maxDrain:
		v.errorAt(at, fmt.Sprintf("Drain time %s is too long", d), "lvsup apply waits for so long; at most 24h.")
	}
}

func (v *validator) checkTimeout(t Timeouts, name string, d time.Duration) {
	_, wrote := t.Source[name]
	switch at := t.Source.At(name); {
	case d == 0 && !wrote: // left as it is
	case d < time.Second || d%time.Second != 0:
		v.errorAt(at, fmt.Sprintf("Timeout %s is not whole seconds", d),
			"The kernel counts whole seconds, from one up, for example \"15m\". Leave it out to leave the kernel's as it is.")
	case d > maxTimeout:
		v.errorAt(at, fmt.Sprintf("Timeout %s is too long", d), "At most 596h: kernels with 1000 ticks a second take no more.")
	}
}

func (v *validator) checkSync(d *SyncDaemon) {
	// What is missing has been reported.
	if d.Source.said("role") {
		v.oneOf(d.Source.At("role"), "sync role", d.Role, SyncMaster, SyncBackup)
	}
	switch at := d.Source.At("interface"); {
	case !d.Source.said("interface"):
	case !ValidInterfaceName(d.Interface):
		v.errorAt(at, fmt.Sprintf("Invalid interface name %q", d.Interface), interfaceRule)
	default:
		v.checkSyncInterface(at, d.Interface)
	}
	if d.ID < 0 || d.ID > 255 {
		v.errorAt(d.Source.At("id"), fmt.Sprintf("Invalid sync id %d", d.ID), "Choose from 0 to 255; a backup with 0 takes what any master sends.")
	}
	if !d.Group.IsMulticast() {
		v.errorAt(d.Source.At("group"), fmt.Sprintf("%s is no multicast address", d.Group),
			"Write one such as \""+DefaultSyncGroup+"\", the kernel's own choice, or of IPv6 \"ff02::81\".")
	}
	if d.Port == 0 {
		v.errorAt(d.Source.At("port"), "Invalid sync port 0", fmt.Sprintf("Ports go from 1 to 65535; leave it out for %d.", DefaultSyncPort))
	}
	if d.TTL < 1 || d.TTL > 255 {
		v.errorAt(d.Source.At("ttl"), fmt.Sprintf("Invalid ttl %d", d.TTL), "Choose from 1, which stays on the network, to 255.")
	}
	v.checkSyncLength(d)
}

func (v *validator) checkSyncInterface(at Range, name string) {
	for _, h := range v.cluster.Directors() {
		if len(h.Interfaces) == 0 || slices.ContainsFunc(h.Interfaces, func(i Interface) bool { return i.Name == name }) {
			continue
		}
		var names []string
		for _, i := range h.Interfaces {
			names = append(names, i.Name)
		}
		v.warnAt(at, fmt.Sprintf("The plan has no interface %q on %s", name, h.Name), didYouMean(name, names)+fmt.Sprintf(
			"It has %s. That is no mistake if the host has one that the plan does not configure.", strings.Join(names, ", ")))
	}
}

// checkSyncLength holds what the kernel would not change: it forces lengths into
// these limits (start_sync_thread in net/netfilter/ipvs/ip_vs_sync.c).
func (v *validator) checkSyncLength(d *SyncDaemon) {
	low, high := 1, 65535-20-8
	if d.Group.Is6() {
		high = 65535 - 40 - 8
	}
	if d.Role == SyncBackup {
		low = 1024
	}
	if d.MaxLength != 0 && (d.MaxLength < low || d.MaxLength > high) {
		v.errorAt(d.Source.At("max_length"), fmt.Sprintf("Invalid max_length %d", d.MaxLength), fmt.Sprintf(
			"For a %s, choose from %d to %d bytes; leave it out for what the kernel takes.", d.Role, low, high))
	}
}
