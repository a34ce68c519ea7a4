package agent

import (
	"context"
	"net/netip"
	"time"

	"github.com/lvsup/lvsup/internal/linux/arping"
	"github.com/lvsup/lvsup/internal/linux/facts"
	"github.com/lvsup/lvsup/internal/linux/httpget"
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
