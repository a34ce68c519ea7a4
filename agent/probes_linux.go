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
	if req.ARP != nil {
		questions, err := arpQuestions(*req.ARP)
		if err != nil {
			return nil, err
		}
		answers := make(chan wire.ARPResponse, 1)
		go func() { answers <- whoHas(ctx, questions, req.ARP.Wait) }()
		a.answers = answers
	}
	return facts.Collect(ctx, a.host, req)
}

func (a *Agent) fetch(ctx context.Context, req wire.FetchRequest) (any, error) {
	if req.Count < 1 || req.Count > maxFetches || req.Timeout <= 0 || req.Timeout > maxFetchFor {
		return nil, wire.Failf(wire.CodeInvalid, "cannot fetch %d times with %s each", req.Count, req.Timeout)
	}
	return httpget.Many(ctx, req), nil
}

func (a *Agent) arp(ctx context.Context, req wire.ARPRequest) (any, error) {
	if len(req.Questions) == 0 {
		if a.answers == nil {
			return nil, wire.Failf(wire.CodeInvalid, "cannot say what was answered: nothing was asked")
		}
		answers := a.answers
		a.answers = nil
		select {
		case res := <-answers:
			return res, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	questions, err := arpQuestions(req)
	if err != nil {
		return nil, err
	}
	return whoHas(ctx, questions, req.Wait), nil
}

// arpQuestions reads what is asked, within bounds.
func arpQuestions(req wire.ARPRequest) ([]arping.Question, error) {
	if len(req.Questions) > wire.MaxARPQuestions || req.Wait > maxARPWait {
		return nil, wire.Failf(wire.CodeInvalid, "cannot ask for %d addresses, %s each", len(req.Questions), req.Wait)
	}
	var all []arping.Question
	for _, q := range req.Questions {
		addr, err := netip.ParseAddr(q.Address)
		if err != nil {
			return nil, wire.Failf(wire.CodeInvalid, "cannot ask for %q: it is no address", q.Address)
		}
		all = append(all, arping.Question{Interface: q.Interface, Address: addr})
	}
	return all, nil
}

func whoHas(ctx context.Context, questions []arping.Question, wait time.Duration) wire.ARPResponse {
	res := wire.ARPResponse{Answers: make([]wire.ARPAnswer, len(questions))}
	for i, a := range arping.Ask(ctx, questions, wait) {
		for _, mac := range a.MACs {
			res.Answers[i].MACs = append(res.Answers[i].MACs, mac.String())
		}
		if a.Err != nil {
			res.Answers[i].Error = a.Err.Error()
		}
	}
	return res
}
