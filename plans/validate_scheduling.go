package plans

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schedulers returns the names of the kernel's IPVS schedulers
// (net/netfilter/ipvs/Kconfig), those of the plan language.
func Schedulers() []string {
	return []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos"}
}

// SchedulerFlags returns the flags that a scheduler knows (ipvsadm -b): none but
// for sh and mh.
func SchedulerFlags(scheduler string) []string {
	if scheduler == "sh" || scheduler == "mh" {
		return []string{scheduler + "-fallback", scheduler + "-port"}
	}
	return nil
}

// EngineSIP is the kernel's only persistence engine (ipvsadm --pe).
const EngineSIP = "sip"

// maxPersistence is the longest timeout that ipvsadm(8) accepts: 31 days.
const maxPersistence = 31 * 24 * time.Hour

func (v *validator) checkScheduling(s *VirtualService) {
	v.oneOf(s.Source.At("scheduler"), "scheduler", s.Scheduler, Schedulers()...)
	if slices.Contains(Schedulers(), s.Scheduler) {
		for i, flag := range s.SchedulerFlags {
			v.checkFlag(s, i, flag)
		}
	}
	if other, found := s.notUDP(); found && s.OnePacket {
		v.errorAt(s.Source.At("one_packet"), fmt.Sprintf("One packet at a time, and the service is %s", other),
			"The kernel schedules single packets of UDP only, and ipvsadm refuses it for anything else. "+
				"Leave one_packet out, or write protocol = \"udp\".")
	} else if s.OnePacket && slices.ContainsFunc(s.Backends, func(b Backend) bool { return b.Forwarding == ForwardNAT }) {
		v.warnAt(s.Source.At("one_packet"), "Answers do not find their way back",
			"A packet that is scheduled on its own leaves nothing by which the director could translate the answer, as \"nat\" must. "+
				"Choose \"dr\" or \"tun\", unless nobody answers, as with syslog.")
	}
	if s.Persistence != nil {
		v.checkPersistence(s, s.Persistence)
	}
}

func (v *validator) checkFlag(s *VirtualService, i int, flag string) {
	at := element(s.Source, "scheduler_flags", strconv.Itoa(i))
	known, all := SchedulerFlags(s.Scheduler), append(SchedulerFlags("sh"), SchedulerFlags("mh")...)
	owner, rest, _ := strings.Cut(flag, "-")
	switch {
	case i > 0 && s.SchedulerFlags[i-1] == flag:
		v.errorAt(at, fmt.Sprintf("Flag %q is listed twice", flag), "Leave one of them out.")
	case slices.Contains(known, flag):
	case len(known) == 0:
		v.errorAt(at, fmt.Sprintf("Scheduler %q has no flags", s.Scheduler),
			"Only sh and mh have: "+strings.Join(all, ", ")+". Leave scheduler_flags out, or change the scheduler.")
	case slices.Contains(all, flag):
		v.errorAt(at, fmt.Sprintf("Scheduler %q has no flag %q", s.Scheduler, flag),
			fmt.Sprintf("Write \"%s-%s\", or scheduler = %q.", s.Scheduler, rest, owner))
	default:
		v.oneOf(at, "scheduler flag", flag, known...)
	}
}

// notUDP gives a protocol of the service other than UDP, if the plan says one: of
// a marked service, none of whose ports is UDP.
func (s *VirtualService) notUDP() (protocol string, found bool) {
	ports := s.ports()
	if len(ports) == 0 || slices.ContainsFunc(ports, func(p PortRange) bool { return p.Protocol == "udp" }) {
		return "", false
	}
	return ports[0].Protocol, true
}

func (v *validator) checkPersistence(s *VirtualService, p *Persistence) {
	at := p.Source.At("timeout")
	switch t := p.Timeout; {
	case t < time.Second || t%time.Second != 0:
		v.errorAt(at, fmt.Sprintf("Persistence timeout %s is not whole seconds", t),
			"The kernel counts whole seconds, from one up, for example \"10s\".")
	case t > maxPersistence:
		v.errorAt(at, fmt.Sprintf("Persistence timeout %s is too long", t), "At most 31 days (\"744h\"), as with ipvsadm.")
	}
	most := map[bool]int{false: 32, true: 128}[s.Is6()]
	if (s.Address.IsValid() || s.marked()) && (p.PrefixLen < 1 || p.PrefixLen > most) {
		v.errorAt(p.Source.At("prefix_length"), fmt.Sprintf("Invalid persistence prefix length %d", p.PrefixLen),
			fmt.Sprintf("Choose from 1 to %d; %d treats each client on its own.", most, most))
	}
	if p.Engine == "" {
		return
	}
	v.oneOf(p.Source.At("engine"), "persistence engine", p.Engine, EngineSIP)
	for _, port := range s.ports() {
		if port.Protocol != "udp" {
			v.errorAt(p.Source.At("engine"), fmt.Sprintf("Engine %q, and the service is %s", p.Engine, port.Protocol),
				"The kernel's engine reads the Call-ID of SIP over UDP and drops every packet of another protocol. "+
					"Write protocol = \"udp\", or leave engine out.")
			return
		}
	}
}

// checkWeight looks at a weight against what the scheduler makes of it.
func (v *validator) checkWeight(s *VirtualService, b *Backend) {
	at := b.Source.At("weight")
	if b.Weight < 0 || b.Weight > 65535 {
		v.errorAt(at, fmt.Sprintf("Invalid weight %d", b.Weight), "Weights go from 0, which takes no new connections, to 65535.")
	}
	if b.Weight > 1 && (s.Scheduler == "rr" || s.Scheduler == "lc") {
		v.warnAt(at, fmt.Sprintf("Scheduler %q ignores the weight %d", s.Scheduler, b.Weight),
			fmt.Sprintf("Write scheduler = \"w%s\" to have it count, or leave the weight out.", s.Scheduler))
	}
	if b.Weight == 0 && s.sticks() {
		v.warnAt(at, fmt.Sprintf("Clients of %q get no answer", b.name()), fmt.Sprintf(
			"Scheduler %q sends them to no other real server while its weight is 0. %s", s.Scheduler, s.unstick()))
	}
}

// sticks reports whether the scheduler gives a client no second choice: ip_vs_sh.c
// and ip_vs_mh.c without their fallback flag, and ip_vs_dh.c always.
func (s *VirtualService) sticks() bool {
	hashed := s.Scheduler == "dh" || len(SchedulerFlags(s.Scheduler)) > 0
	return hashed && !slices.Contains(s.SchedulerFlags, s.Scheduler+"-fallback")
}

// unstick says what to write instead.
func (s *VirtualService) unstick() string {
	if s.Scheduler == "dh" {
		return "It has no fallback: choose another scheduler, or take the backend out."
	}
	return fmt.Sprintf("Write scheduler_flags = [\"%s-fallback\"] to have it choose another.", s.Scheduler)
}

func (v *validator) checkThresholds(s *VirtualService, b *Backend) {
	const most = 1<<31 - 1
	at := b.Source.At("upper_threshold")
	low := b.Source.At("lower_threshold")
	switch {
	case b.UpperThreshold < 0 || b.UpperThreshold > most:
		v.errorAt(at, fmt.Sprintf("Invalid upper_threshold %d", b.UpperThreshold), fmt.Sprintf("Choose from 1 to %d connections, or 0 for no limit.", most))
	case b.LowerThreshold < 0 || b.LowerThreshold > most:
		v.errorAt(low, fmt.Sprintf("Invalid lower_threshold %d", b.LowerThreshold), fmt.Sprintf("Choose from 1 to %d connections, or 0.", most))
	case b.LowerThreshold > 0 && b.UpperThreshold == 0:
		v.errorAt(low, "A lower_threshold without an upper_threshold",
			fmt.Sprintf("It says when a full backend gets connections again. Say when it is full, too:\n  upper_threshold = %d", max(b.LowerThreshold, b.LowerThreshold/4*5)))
	case b.LowerThreshold > b.UpperThreshold:
		v.errorAt(low, fmt.Sprintf("lower_threshold %d is above upper_threshold %d", b.LowerThreshold, b.UpperThreshold),
			"A backend is full at the upper one and gets connections again below the lower one. Without it, that is at three quarters.")
	case b.UpperThreshold > 0 && s.sticks():
		v.warnAt(at, fmt.Sprintf("Clients of %q get no answer while it is full", b.name()), fmt.Sprintf(
			"Scheduler %q sends them to no other real server. %s", s.Scheduler, s.unstick()))
	}
}
