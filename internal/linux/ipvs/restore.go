package ipvs

import (
	"fmt"
	"io"
)

// WriteRestore prints all of a table as lines that `ipvsadm -R` of ipvsadm 1.31
// takes: beside the rules of `ipvsadm -S -n` the thresholds, the timeouts and
// the sync daemons, which that leaves out. A zero timeout is not printed.
func WriteRestore(w io.Writer, services []ServiceState, t Timeouts, daemons []Daemon) error {
	p := &printer{w: w}
	for _, s := range sortedServices(services) {
		p.printf("-A %s\n", ServiceArguments(s.Service))
		for _, d := range sortedDestinations(s.Destinations) {
			p.printf("-a %s%s\n", DestinationArguments(s.Key, d.Destination), thresholdArguments(d.Destination))
		}
	}
	if t != (Timeouts{}) {
		p.printf("%s\n", TimeoutArguments(t))
	}
	for _, d := range daemons {
		p.printf("--start-daemon %s\n", DaemonArguments(d))
	}
	return p.err
}

// thresholdArguments gives ipvsadm's options for thresholds, with a leading
// blank, or nothing.
func thresholdArguments(d Destination) string {
	if d.UpperThreshold == 0 && d.LowerThreshold == 0 {
		return ""
	}
	return fmt.Sprintf(" -x %d -y %d", d.UpperThreshold, d.LowerThreshold)
}

// TimeoutArguments gives ipvsadm's words: "--set 900 120 300"; a 0 among them
// leaves that one as it is.
func TimeoutArguments(t Timeouts) string {
	return fmt.Sprintf("--set %d %d %d", t.TCP, t.TCPFin, t.UDP)
}

// DaemonArguments gives ipvsadm's words for a sync daemon, to stand behind
// --start-daemon: "master --mcast-interface ens33 --syncid 1".
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
