package ipvs

import (
	"fmt"
	"net/netip"
	"strings"
)

// ServiceArguments gives what follows -A or -E on ipvsadm's command line, in
// the order in which `ipvsadm -S -n` writes it: "-t 192.0.2.1:80 -s rr".
func ServiceArguments(s Service) string { return taken.service(s) }

// DestinationArguments gives what follows -a or -e on ipvsadm's command line:
// "-t 192.0.2.1:80 -r 198.51.100.1:80 -m -w 1", thresholds included.
func DestinationArguments(k ServiceKey, d Destination) string { return taken.destination(k, d) }

// KeyArguments gives ipvsadm's options for a service: "-t 192.0.2.1:80",
// "-f 1 -6".
func KeyArguments(k ServiceKey) string { return taken.key(k) }

// form is one of two ways to write ipvsadm's options.
type form int

const (
	// taken is what ipvsadm takes.
	taken form = iota
	// saved is what `ipvsadm -S` writes: without thresholds, and marks above
	// 2^31 and the third flag of sh and mh in a way that it does not take back.
	saved
)

func (f form) service(s Service) string {
	line := f.key(s.Key) + " -s " + s.Scheduler
	if s.Flags&FlagPersistent != 0 {
		line += fmt.Sprintf(" -p %d", s.Timeout)
		if s.Mask() != FullMask(s.Key.Address) {
			line += " -M " + s.Mask().Text(s.Key.Address)
		}
	}
	if s.PEName != "" {
		line += " --pe " + s.PEName
	}
	if s.Flags&FlagOnePacket != 0 {
		line += " -o"
	}
	if s.Flags&flagsSched != 0 {
		line += " -b " + strings.Join(f.schedulerFlags(s), ",")
	}
	return line
}

func (f form) destination(k ServiceKey, d Destination) string {
	line := fmt.Sprintf("%s -r %s %s -w %d", f.key(k), endpoint(d.Addr()), methodOption(d.Forwarding), int32(d.Weight))
	if d.Forwarding == Tunnel {
		line += tunnelOptions(d.Tunnel)
	}
	if f == taken && (d.UpperThreshold != 0 || d.LowerThreshold != 0) {
		line += fmt.Sprintf(" -x %d -y %d", d.UpperThreshold, d.LowerThreshold)
	}
	return line
}

func (f form) key(k ServiceKey) string {
	if k.FWMark != 0 {
		line := fmt.Sprintf("-f %d", k.FWMark)
		if f == saved {
			line = fmt.Sprintf("-f %d", int32(k.FWMark))
		}
		if k.Address.Is6() {
			line += " -6"
		}
		return line
	}
	option := "--xxx-service"
	switch k.Protocol {
	case TCP:
		option = "-t"
	case UDP:
		option = "-u"
	case SCTP:
		option = "--sctp-service"
	}
	return option + " " + endpoint(netip.AddrPortFrom(k.Address, k.Port))
}

func tunnelOptions(t TunnelSettings) string {
	checksum := map[TunnelFlags]string{
		TunnelNoChecksum: "--tun-nocsum", TunnelChecksum: "--tun-csum", TunnelRemoteChecksum: "--tun-remcsum",
	}[t.Flags]
	switch t.Type {
	case TunnelIPIP:
		return " --tun-type ipip"
	case TunnelGUE:
		return fmt.Sprintf(" --tun-type gue --tun-port %d %s", t.Port, checksum)
	case TunnelGRE:
		return " --tun-type gre " + checksum
	}
	return ""
}

func methodOption(f Forwarding) string {
	switch f {
	case NAT:
		return "-m"
	case Tunnel:
		return "-i"
	case Local, Route:
		return "-g"
	}
	return "(null)"
}

const flagsSched = FlagSched1 | FlagSched2 | FlagSched3

// SchedulerFlags gives the words that ipvsadm(8) takes for the scheduler's flags
// of a service: "sh-fallback", "mh-port", or "flag-1" where there is no word.
func SchedulerFlags(s Service) []string { return taken.schedulerFlags(s) }

func (f form) schedulerFlags(s Service) []string {
	words := [3]string{"flag-1", "flag-2", "flag-3"}
	if s.Scheduler == "sh" || s.Scheduler == "mh" {
		words[0], words[1] = s.Scheduler+"-fallback", s.Scheduler+"-port"
		if f == saved {
			words[2] = ""
		}
	}
	var set []string
	for i, flag := range []Flags{FlagSched1, FlagSched2, FlagSched3} {
		if s.Flags&flag != 0 && words[i] != "" {
			set = append(set, words[i])
		}
	}
	return set
}

// TimeoutArguments gives ipvsadm's words: "--set 900 120 300"; a 0 among them
// leaves that one as it is.
func TimeoutArguments(t Timeouts) string {
	return fmt.Sprintf("--set %d %d %d", t.TCP, t.TCPFin, t.UDP)
}

// DaemonArguments gives what follows --start-daemon on ipvsadm's command line:
// "master --mcast-interface ens33 --syncid 1".
func DaemonArguments(d Daemon) string {
	line := fmt.Sprintf("%s --mcast-interface %s --syncid %d", d.Role, d.Interface, d.ID)
	if d.MaxLength != 0 {
		line += fmt.Sprintf(" --sync-maxlen %d", d.MaxLength)
	}
	if d.Group.IsValid() {
		line += " --mcast-group " + d.Group.String()
	}
	if d.Port != 0 {
		line += fmt.Sprintf(" --mcast-port %d", d.Port)
	}
	if d.TTL != 0 {
		line += fmt.Sprintf(" --mcast-ttl %d", d.TTL)
	}
	return line
}
