package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
	ipvskind "github.com/lvsup/lvsup/internal/step/ipvs"
	"github.com/lvsup/lvsup/internal/wire"
)

// ipvs reads the table and the connections. A kernel without ip_vs loaded has
// an empty table.
func (a *Agent) ipvs(ctx context.Context) (any, error) {
	if !ipvs.Loaded(a.host) {
		return wire.IPVSResponse{}, nil // and asking the kernel could make it load the module
	}
	rec, err := a.store.load()
	if err != nil {
		return nil, err
	}
	client, err := ipvs.Dial(ctx)
	if errors.Is(err, ipvs.ErrUnavailable) {
		return wire.IPVSResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer client.Close()
	info, err := client.Info(ctx)
	if err != nil {
		return nil, err
	}
	services, err := client.Dump(ctx)
	if err != nil {
		return nil, err
	}
	timeouts, err := client.Timeouts(ctx)
	if err != nil {
		return nil, err
	}
	daemons, err := client.Daemons(ctx)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(ipvs.ConnFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read the connections: %w", err)
	}
	defer f.Close()
	conns, more, err := ipvs.ParseConns(f, wire.MaxConns)
	if err != nil {
		return nil, fmt.Errorf("cannot read the connections: %w", err)
	}
	res := wire.IPVSResponse{
		Timeouts:  &wire.IPVSTimeouts{TCP: timeouts.TCP, TCPFin: timeouts.TCPFin, UDP: timeouts.UDP},
		Services:  []wire.IPVSService{},
		Conns:     []wire.IPVSConn{},
		Truncated: more,
	}
	for _, s := range services {
		res.Services = append(res.Services, serviceOf(s, rec.Kinds["ipvs"]))
	}
	for _, d := range daemons {
		res.Daemons = append(res.Daemons, daemonOf(d))
	}
	for _, c := range conns {
		res.Conns = append(res.Conns, wire.IPVSConn{
			Protocol: c.Protocol, Client: c.Client.String(), Virtual: c.Virtual.String(),
			Destination: c.Backend.String(), State: c.State, Expires: int(c.Expires),
		})
	}
	var table, listed, saved strings.Builder
	err = errors.Join(
		ipvs.WriteTable(&table, ipvs.Table{Info: info, Services: services}),
		ipvs.WriteConns(&listed, conns),
	)
	if err != nil {
		return nil, err
	}
	var loss *ipvs.LossError
	err = ipvs.WriteRestore(&saved, services, timeouts, daemons)
	if errors.As(err, &loss) {
		res.Lost, err = loss.Lost, nil
	}
	res.Table, res.Listed, res.Saved = table.String(), listed.String(), saved.String()
	return res, err
}

// serviceOf gives a service as it travels. What the record does not name is
// foreign.
func serviceOf(s ipvs.ServiceState, owned step.Owned) wire.IPVSService {
	out := wire.IPVSService{
		Key: s.Key.String(), Port: s.Key.Port, FWMark: s.Key.FWMark,
		Scheduler: s.Scheduler, Flags: ipvs.SchedulerFlags(s.Service),
		OnePacket: s.Flags&ipvs.FlagOnePacket != 0, Engine: s.PEName,
		Foreign:  !ipvskind.OwnsService(owned, s.Key),
		Backends: []wire.IPVSBackend{}, // a list in JSON, also without any
	}
	if s.Key.FWMark == 0 {
		out.Protocol = strings.ToLower(s.Key.Protocol.String())
		out.Address = s.Key.Address.String()
	}
	if s.Flags&ipvs.FlagPersistent != 0 {
		out.Persistence = int(s.Timeout)
	}
	for _, d := range s.Destinations {
		out.Backends = append(out.Backends, wire.IPVSBackend{
			Address: d.Address.String(), Port: d.Port, Forwarding: d.Forwarding.String(),
			Weight: int(d.Weight), UpperThreshold: d.UpperThreshold, LowerThreshold: d.LowerThreshold,
			ActiveConns: d.ActiveConns, InActConns: d.InActConns,
			Foreign: !ipvskind.OwnsBackend(owned, s.Key, d.Addr()),
		})
	}
	return out
}

func daemonOf(d ipvs.Daemon) wire.IPVSDaemon {
	out := wire.IPVSDaemon{
		Role: d.Role.String(), Interface: d.Interface, ID: int(d.ID),
		Port: d.Port, TTL: int(d.TTL), MaxLength: int(d.MaxLength),
	}
	if d.Group.IsValid() {
		out.Group = d.Group.String()
	}
	return out
}
