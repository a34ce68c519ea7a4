package address

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

// fieldMetric joins FieldRoute and the metric of a route that the plan gives one.
const fieldMetric = FieldRoute + ", metric "

// isRoute tells the IDs of routes, the default ones included.
func isRoute(id step.ID) bool { return id.Key == KeyDefault || isStatic(id) }

// isStatic tells the IDs of the other routes.
func isStatic(id step.ID) bool {
	return id.Field == FieldRoute || strings.HasPrefix(id.Field, fieldMetric)
}

func gatewayID(ipv6 bool) step.ID {
	if ipv6 {
		return step.ID{Key: KeyDefault, Field: FieldGateway6}
	}
	return step.ID{Key: KeyDefault, Field: FieldGateway}
}

// routeID is the ID of a plan's route. The kernel knows routes by destination
// and metric; without a metric in the plan, whichever there is counts.
func routeID(r netconf.Route) step.ID {
	switch {
	case r.IsDefault():
		return gatewayID(r.To.Addr().Is6())
	case r.Metric != 0:
		return step.ID{Key: r.To.String(), Field: fieldMetric + strconv.Itoa(r.Metric)}
	}
	return step.ID{Key: r.To.String(), Field: FieldRoute}
}

// destination undoes routeID. metric is 0 where the plan has none.
func destination(id step.ID) (to netip.Prefix, metric int, err error) {
	if id.Key == KeyDefault {
		return rtnl.DefaultDestination(id.Field == FieldGateway6), 0, nil
	}
	to, err = netip.ParsePrefix(id.Key)
	if text, has := strings.CutPrefix(id.Field, fieldMetric); err == nil && has {
		metric, err = strconv.Atoi(text)
	}
	if err != nil {
		return to, metric, fmt.Errorf("cannot read route %q: %w", id, err)
	}
	return to, metric, nil
}

// planRoutes lists the routes of the plan, the default ones included, as the
// values of their IDs.
func planRoutes(settings []netconf.Settings) step.State {
	state := step.State{}
	for _, s := range settings {
		routes := s.Routes
		if s.Gateway.IsValid() {
			routes = append([]netconf.Route{{To: rtnl.DefaultDestination(s.Gateway.Is6()), Via: s.Gateway}}, routes...)
		}
		for _, r := range routes {
			state[routeID(r)] = routeText(rtnl.Route{Gateway: r.Via, Interface: s.Name})
		}
	}
	return state
}

// haveRoutes gives what the host has of the default routes, and of the others that
// the plan names or lvsup has made.
func haveRoutes(settings []netconf.Settings, owned step.Owned, have Observed) step.State {
	ours := map[step.ID][]string{gatewayID(false): nil, gatewayID(true): nil}
	for id, text := range planRoutes(settings) {
		ours[id] = append(ours[id], text)
	}
	for id, e := range owned {
		if isRoute(id) {
			ours[id] = append(ours[id], e.After)
		}
	}
	state := step.State{}
	for id, texts := range ours {
		if r, ok := pick(id, texts, ours, have); ok {
			state[id] = normalRoute(r, texts, have)
		}
	}
	return state
}

// pick finds the route of an ID: of a default route the one that the kernel takes;
// of another ours if it is there, else the one with the lowest metric. Routes with
// a metric that another ID has are that one's.
func pick(id step.ID, texts []string, all map[step.ID][]string, have Observed) (best rtnl.Route, found bool) {
	if id.Key == KeyDefault {
		return rtnl.Default(have.Routes, id.Field == FieldGateway6)
	}
	to, metric, err := destination(id)
	if err != nil {
		return best, false
	}
	mine := func(r rtnl.Route) bool { return slices.Contains(texts, shortRoute(r)) }
	for _, r := range have.Routes {
		switch {
		case r.Destination != to || metric != 0 && r.Metric != metric:
			continue
		case metric == 0 && all[step.ID{Key: id.Key, Field: fieldMetric + strconv.Itoa(r.Metric)}] != nil:
			continue
		case metric != 0:
			r.Metric = 0 // the ID says it
		}
		if !found || mine(r) && !mine(best) || mine(r) == mine(best) && r.Metric < best.Metric {
			best, found = r, true
		}
	}
	return best, found
}

func shortRoute(r rtnl.Route) string {
	return routeText(rtnl.Route{Gateway: r.Gateway, Interface: r.Interface})
}

// normalRoute gives the text of a route. Of one that is ours it drops what does
// not matter and differs between the live change and a boot: the metric, and a
// preferred source that lasts.
func normalRoute(r rtnl.Route, ours []string, have Observed) string {
	i, _ := rtnl.Find(have.Interfaces, r.Interface)
	for _, p := range i.Dynamic {
		if p.Addr() == r.Source {
			return routeText(r)
		}
	}
	if short := shortRoute(r); slices.Contains(ours, short) {
		return short
	}
	return routeText(r)
}

// routeText writes a route as ip-route(8) does: "GATEWAY dev NAME", with
// " src ADDRESS" and " metric N" where it has them.
func routeText(r rtnl.Route) string {
	text := "dev " + r.Interface
	if r.Gateway.IsValid() {
		text = r.Gateway.String() + " " + text
	}
	if r.Source.IsValid() {
		text += " src " + r.Source.String()
	}
	if r.Metric != 0 {
		text += " metric " + strconv.Itoa(r.Metric)
	}
	return text
}

// parseRoute reads what routeText wrote of the route with that ID.
func parseRoute(id step.ID, text string) (rtnl.Route, error) {
	var r rtnl.Route
	var err error
	if r.Destination, r.Metric, err = destination(id); err != nil {
		return r, err
	}
	f := strings.Fields(text)
	if len(f)%2 == 1 {
		if r.Gateway, err = netip.ParseAddr(f[0]); err != nil {
			return r, fmt.Errorf("cannot read route %q: %w", text, err)
		}
		f = f[1:]
	}
	for ; len(f) > 0 && err == nil; f = f[2:] {
		switch f[0] {
		case "dev":
			r.Interface = f[1]
		case "src":
			r.Source, err = netip.ParseAddr(f[1])
		case "metric":
			r.Metric, err = strconv.Atoi(f[1])
		default:
			err = fmt.Errorf("unknown word %q", f[0])
		}
	}
	if err == nil && r.Interface == "" {
		err = fmt.Errorf("no interface")
	}
	if err != nil {
		return r, fmt.Errorf("cannot read route %q: %w", text, err)
	}
	return r, nil
}

// routeInterfaces lists the interfaces that a change of a route leads through,
// before and after.
func routeInterfaces(c step.Change) []string {
	var names []string
	for _, text := range []string{c.From, c.To} {
		if r, err := parseRoute(c.ID, text); err == nil {
			names = append(names, r.Interface)
		}
	}
	return names
}

// keptMetrics lists the metrics that the plan gives its routes to a destination:
// those routes stay when one without a metric goes.
func keptMetrics(want Desired, id step.ID) []int {
	var kept []int
	settings, err := parse(want)
	if _, metric, _ := destination(id); err != nil || metric != 0 {
		return nil
	}
	for _, s := range settings {
		for _, r := range s.Routes {
			if r.To.String() == id.Key && r.Metric != 0 {
				kept = append(kept, r.Metric)
			}
		}
	}
	return kept
}

// route sets or removes a route. One that goes is lvsup's, whatever metric the
// last boot gave it where the plan has none.
func (s system) route(want Desired, c step.Change) error {
	keep := keptMetrics(want, c.ID)
	var before rtnl.Route
	var err error
	if c.Action == step.Delete || c.Action == step.Restore {
		if before, err = parseRoute(c.ID, c.From); err != nil {
			return err
		}
	}
	if c.Action == step.Delete {
		return s.delRoutes(c.ID, before, keep)
	}
	r, err := parseRoute(c.ID, c.To)
	if err != nil {
		return err
	}
	if c.Action != step.Restore {
		return s.kernel.ReplaceRoute(r)
	}
	// With a metric of its own it may be there all the time.
	routes, err := s.kernel.Routes()
	if err == nil && !slices.ContainsFunc(routes, r.Same) {
		err = s.kernel.ReplaceRoute(r)
	}
	if err != nil {
		return err
	}
	if err := s.delRoutes(c.ID, before, keep); err != nil {
		return err
	}
	if before.Gateway == r.Gateway && before.Interface == r.Interface {
		return s.kernel.ReplaceRoute(r) // they differed in the metric only, and both are gone
	}
	return nil
}

func (s system) delRoutes(id step.ID, r rtnl.Route, keep []int) error {
	if _, metric, err := destination(id); err != nil || metric != 0 {
		return errors.Join(err, s.kernel.DelRoute(r))
	}
	return s.kernel.DelRoutes(r, keep)
}
