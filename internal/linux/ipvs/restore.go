package ipvs

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// maxIpvsadmSeconds is the longest timeout that ipvsadm(8) takes: 31 days.
const maxIpvsadmSeconds = 31 * 24 * 60 * 60

// LossError lists what a table has and `ipvsadm -R` cannot be told.
type LossError struct{ Lost []string }

func (e *LossError) Error() string {
	return "ipvsadm -R cannot restore all of it: " + strings.Join(e.Lost, "; ")
}

// WriteRestore prints a table as lines that `ipvsadm -R` of ipvsadm 1.31 takes:
// beside the rules of `ipvsadm -S -n` the thresholds, the timeouts and the
// sync daemons, which that leaves out, and marks and flags in a way that it
// takes back. A zero timeout is left as it is.
//
// The kernel can hold a little that ipvsadm refuses, such as a persistence
// timeout of more than 31 days. The line then has the nearest that it takes,
// or is missing, and after writing all the rest WriteRestore returns a
// *LossError that says so: a comment among the lines, which `ipvsadm -R` does
// not take, could not.
func WriteRestore(w io.Writer, services []ServiceState, t Timeouts, daemons []Daemon) error {
	p := &printer{w: w}
	var loss LossError
	for _, s := range sortedServices(services) {
		if !loss.service(&s.Service) {
			continue
		}
		p.printf("-A %s\n", ServiceArguments(s.Service))
		for _, d := range sortedDestinations(s.Destinations) {
			loss.destination(s.Key, &d.Destination)
			p.printf("-a %s\n", DestinationArguments(s.Key, d.Destination))
		}
	}
	for _, field := range []*uint32{&t.TCP, &t.TCPFin, &t.UDP} {
		if *field > maxIpvsadmSeconds {
			loss.add("the timeouts %d, %d, %d: none may be longer than 31 days", t.TCP, t.TCPFin, t.UDP)
			*field = maxIpvsadmSeconds
		}
	}
	if t != (Timeouts{}) {
		p.printf("%s\n", TimeoutArguments(t))
	}
	for _, d := range daemons {
		p.printf("--start-daemon %s\n", DaemonArguments(d))
	}
	if p.err == nil && len(loss.Lost) > 0 {
		return &loss
	}
	return p.err
}

func (e *LossError) add(format string, args ...any) {
	e.Lost = append(e.Lost, fmt.Sprintf(format, args...))
}

// service brings a service to what ipvsadm takes, and reports whether there is
// such a thing.
func (e *LossError) service(s *Service) bool {
	persistent := s.Flags&FlagPersistent != 0
	switch {
	case s.Key.FWMark == 0 && s.Key.Port == 0 && !persistent:
		e.add("%s: every port without persistence, which takes no connection (left out)", s.Key)
		return false
	case s.Key.FWMark == 0 && s.Key.Protocol != TCP && s.Key.Protocol != UDP && s.Key.Protocol != SCTP:
		e.add("%s: its protocol (left out)", s.Key)
		return false
	case persistent && (s.Timeout == 0 || s.Timeout > maxIpvsadmSeconds):
		e.add("%s: persistence of %d seconds: it takes 1 to %d", s.Key, s.Timeout, maxIpvsadmSeconds)
		s.Timeout = min(max(s.Timeout, 1), maxIpvsadmSeconds)
	}
	if s.Flags&FlagOnePacket != 0 && s.Key.FWMark == 0 && s.Key.Protocol != UDP {
		e.add("%s: one-packet scheduling, which works with UDP only", s.Key)
		s.Flags &^= FlagOnePacket
	}
	return true
}

// destination brings a destination to what ipvsadm takes.
func (e *LossError) destination(k ServiceKey, d *Destination) {
	if d.UpperThreshold > math.MaxInt32 || d.LowerThreshold > math.MaxInt32 {
		e.add("%s: a threshold above %d", DeleteDestination(k, d.Addr()).Object(), math.MaxInt32)
		d.UpperThreshold = min(d.UpperThreshold, math.MaxInt32)
		d.LowerThreshold = min(d.LowerThreshold, math.MaxInt32)
	}
	if d.Tunnel.Type == TunnelGRE && d.Tunnel.Flags == TunnelRemoteChecksum {
		e.add("%s: the remote checksum, which works with gue only", DeleteDestination(k, d.Addr()).Object())
		d.Tunnel.Flags = TunnelNoChecksum
	}
	if d.Forwarding != NAT && d.Port != k.Port {
		e.add("%s: a port other than the service's, which %s does not use", DeleteDestination(k, d.Addr()).Object(), d.Forwarding)
	}
}
