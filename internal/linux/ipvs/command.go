package ipvs

import "net/netip"

// Op is what a Command does.
type Op uint8

// The operations, with the generic netlink command of each.
const (
	OpAddService        Op = cmdNewService
	OpSetService        Op = cmdSetService
	OpDeleteService     Op = cmdDelService
	OpAddDestination    Op = cmdNewDest
	OpSetDestination    Op = cmdSetDest
	OpDeleteDestination Op = cmdDelDest

	// These are no Commands but methods of Client.
	OpStartDaemon Op = cmdNewDaemon
	OpStopDaemon  Op = cmdDelDaemon
	OpSetTimeouts Op = cmdSetConfig
)

// String gives the words of an error message: "add service", ...
func (o Op) String() string {
	switch o {
	case OpAddService:
		return "add service"
	case OpSetService:
		return "change service"
	case OpDeleteService:
		return "delete service"
	case OpAddDestination:
		return "add backend"
	case OpSetDestination:
		return "change backend"
	case OpDeleteDestination:
		return "delete backend"
	case cmdGetService:
		return "read service"
	case cmdGetDest:
		return "read backends of service"
	case cmdGetInfo:
		return "read the version of"
	case OpStartDaemon:
		return "start"
	case OpStopDaemon:
		return "stop"
	case cmdGetDaemon:
		return "read the sync daemons of"
	case OpSetTimeouts:
		return "set the timeouts of"
	case cmdGetConfig:
		return "read the timeouts of"
	}
	return "talk to"
}

func (o Op) onDestination() bool {
	return o == OpAddDestination || o == OpSetDestination || o == OpDeleteDestination
}

// Command is one change to the table. Make it with AddService and its
// sisters.
type Command struct {
	Op          Op
	Service     Service // only Key counts, except with AddService and SetService
	Destination Destination
}

// AddService creates a service without destinations.
func AddService(s Service) Command { return Command{Op: OpAddService, Service: s} }

// SetService replaces the settings of a service: all of them. Start from what
// the kernel has, or the persistence engine is unbound.
func SetService(s Service) Command { return Command{Op: OpSetService, Service: s} }

// DeleteService removes a service with its destinations.
func DeleteService(k ServiceKey) Command {
	return Command{Op: OpDeleteService, Service: Service{Key: k}}
}

// AddDestination adds a real server to a service.
func AddDestination(k ServiceKey, d Destination) Command {
	return Command{Op: OpAddDestination, Service: Service{Key: k}, Destination: d}
}

// SetDestination replaces the settings of a real server: all of them. Start
// from what the kernel has, or its thresholds are lost.
func SetDestination(k ServiceKey, d Destination) Command {
	return Command{Op: OpSetDestination, Service: Service{Key: k}, Destination: d}
}

// DeleteDestination removes a real server. Its connections are cut off or
// kept according to net.ipv4.vs.expire_nodest_conn.
func DeleteDestination(k ServiceKey, addr netip.AddrPort) Command {
	return Command{Op: OpDeleteDestination, Service: Service{Key: k},
		Destination: Destination{Address: addr.Addr(), Port: addr.Port()}}
}

// Object names what the command is about, for messages: the service, with
// " -> " and the real server where there is one.
func (c Command) Object() string {
	if c.Op.onDestination() {
		return c.Service.Key.String() + " -> " + c.Destination.Addr().String()
	}
	return c.Service.Key.String()
}
