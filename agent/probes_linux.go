package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/linux/arping"
	"github.com/lvsup/lvsup/internal/linux/facts"
	"github.com/lvsup/lvsup/internal/linux/httpget"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/wire"
)

// Bounds of what a coordinator may ask a host to do to others.
const (
	maxFetches  = 1000
	maxARPWait  = 5 * time.Second
	maxFetchFor = 30 * time.Second
)

func (a *Agent) facts(ctx context.Context, req wire.FactsRequest) (any, error) {
	return facts.Collect(ctx, a.host, req)
}

func (a *Agent) fetch(ctx context.Context, req wire.FetchRequest) (any, error) {
	if req.Count < 1 || req.Count > maxFetches || req.Timeout <= 0 || req.Timeout > maxFetchFor {
		return nil, wire.Failf(wire.CodeInvalid, "cannot fetch %d times with %s each", req.Count, req.Timeout)
	}
	return httpget.Many(ctx, req), nil
}

func (a *Agent) arp(ctx context.Context, req wire.ARPRequest) (any, error) {
	addr, err := netip.ParseAddr(req.Address)
	if err != nil || req.Wait > maxARPWait {
		return nil, wire.Failf(wire.CodeInvalid, "cannot ask for %q for %s", req.Address, req.Wait)
	}
	macs, err := arping.Who(ctx, req.Interface, addr, req.Wait)
	if err != nil {
		return nil, err
	}
	var res wire.ARPResponse
	for _, m := range macs {
		res.MACs = append(res.MACs, m.String())
	}
	return res, nil
}

// ipvs reads the table and the connections. A kernel without ip_vs loaded has
// an empty table.
func (a *Agent) ipvs(ctx context.Context) (any, error) {
	if !ipvs.Loaded(a.host) {
		return wire.IPVSResponse{}, nil // and asking the kernel could make it load the module
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
	f, err := os.Open(ipvs.ConnFile)
	if err != nil {
		return nil, fmt.Errorf("cannot read the connections: %w", err)
	}
	defer f.Close()
	conns, more, err := ipvs.ParseConns(f, wire.MaxConns)
	if err != nil {
		return nil, fmt.Errorf("cannot read the connections: %w", err)
	}
	res := wire.IPVSResponse{Truncated: more}
	for _, s := range services {
		res.Services = append(res.Services, serviceOf(s))
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
		ipvs.WriteRules(&saved, services),
	)
	res.Table, res.Listed, res.Saved = table.String(), listed.String(), saved.String()
	return res, err
}

func serviceOf(s ipvs.ServiceState) wire.IPVSService {
	out := wire.IPVSService{
		Port: s.Key.Port, FWMark: s.Key.FWMark, Scheduler: s.Scheduler,
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
			Weight: int(d.Weight), ActiveConns: d.ActiveConns, InActConns: d.InActConns,
		})
	}
	return out
}
