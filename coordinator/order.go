package coordinator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/plans"
)

// A host whose own way in is about to change may be the way to others: as their
// jump host, or as the gateway that their answers take. Then the order matters,
// and a host that is behind a jump host must not be at work while that one moves.

// precedence says that one host's changes come before another's, and why.
type precedence struct{ first, then, why string }

// waves lays out in which order the hosts that have something to do make their
// changes: those of a wave at the same time. A *Refused says that there is no such
// order. Most plans have one wave.
func (r *Run) waves(busy []string, p *plans.Plan, kinds []string, reverse bool) ([][]string, error) {
	moving := func(name string) bool { return hasGuarded(planned(p, name, kinds, reverse)) }
	var order []precedence
	var reasons []string
	for _, jump := range busy {
		if !moving(jump) {
			continue
		}
		j := r.session(jump)
		for _, other := range r.healthy() {
			if s := r.session(other); other != jump && s.way.commandNames(j.way) {
				reasons = append(reasons, fmt.Sprintf("%s: %s is reached through it by a ProxyCommand; %s is about to get another address, and lvsup cannot send a ProxyCommand there\nsay ProxyJump in ssh_config, or change %s first, with a plan of its own", jump, other, jump, jump))
			}
		}
		for _, other := range busy {
			if other != jump {
				order = append(order, r.between(jump, other, moving(other))...)
			}
		}
	}
	order = append(order, r.gatewaysFirst(busy, moving)...)
	if len(reasons) > 0 {
		return nil, &Refused{reasons}
	}
	return arrange(busy, r.softly(order, busy, moving))
}

// between gives the order of a jump host that moves and of a host next to it.
// Either may be impossible: the fresh connection to a host must find its way from
// where the jump host is at that moment. On the jump host's own links that is sure;
// beyond them a router may know the way, and if not the guard puts things right.
func (r *Run) between(jump, other string, moves bool) []precedence {
	j, o := r.session(jump), r.session(other)
	if !o.way.leadsThrough(j.way) || o.way.hops[0] != j.way.host || !moves {
		return nil // softly has them
	}
	target := r.wantedAddress(o)
	if !onLinks(r.linksOf(j, false), target) && onLinks(r.linksOf(j, true), o.facts.SSH.Server) {
		return []precedence{{jump, other, fmt.Sprintf("%s is the jump host of %s and reaches %s only at its own new address", jump, other, target)}}
	}
	return []precedence{{other, jump, fmt.Sprintf("%s is reached through %s, which must still be where it is", other, jump)}}
}

// gatewaysFirst puts a host that is to be the gateway of others before them, if
// their answers to lvsup take that way.
func (r *Run) gatewaysFirst(busy []string, moving func(string) bool) []precedence {
	var order []precedence
	for _, name := range busy {
		h, _ := r.opts.Cluster.Host(name)
		client, err := netip.ParseAddr(r.session(name).facts.SSH.Client)
		if err != nil || !moving(name) {
			continue
		}
		for _, i := range h.Interfaces {
			if !i.Gateway.IsValid() || i.Address.Masked().Contains(client) {
				continue
			}
			for _, owner := range busy {
				o, _ := r.opts.Cluster.Host(owner)
				has := slices.ContainsFunc(o.Interfaces, func(i2 plans.Interface) bool { return i2.Address.Addr() == i.Gateway })
				if owner != name && has && moving(owner) {
					order = append(order, precedence{owner, name, fmt.Sprintf("%s is to be the gateway of %s, whose answers to lvsup take it", owner, name)})
				}
			}
		}
	}
	return order
}

// softly adds, for each jump host that moves and each host behind it that nothing
// puts in order yet, that the host behind comes first.
func (r *Run) softly(order []precedence, busy []string, moving func(string) bool) []precedence {
	for _, jump := range busy {
		for _, other := range busy {
			j, o := r.session(jump), r.session(other)
			if moving(jump) && other != jump && o.way.leadsThrough(j.way) && !leads(order, jump, other) && !leads(order, other, jump) {
				order = append(order, precedence{other, jump, fmt.Sprintf("%s is reached through %s", other, jump)})
			}
		}
	}
	return order
}

// leads reports whether one host comes before another by that order.
func leads(order []precedence, first, then string) bool {
	seen := map[string]bool{}
	var from func(name string) bool
	from = func(name string) bool {
		if seen[name] {
			return false
		}
		seen[name] = true
		return slices.ContainsFunc(order, func(b precedence) bool { return b.first == name && (b.then == then || from(b.then)) })
	}
	return from(first)
}

// arrange sorts hosts into waves.
func arrange(hosts []string, order []precedence) ([][]string, error) {
	var all [][]string
	for left := slices.Clone(hosts); len(left) > 0; {
		var wave []string
		for _, name := range left {
			if !slices.ContainsFunc(order, func(b precedence) bool { return b.then == name && slices.Contains(left, b.first) }) {
				wave = append(wave, name)
			}
		}
		if len(wave) == 0 {
			return nil, &Refused{[]string{circle(left, order)}}
		}
		all = append(all, wave)
		left = slices.DeleteFunc(left, func(name string) bool { return slices.Contains(wave, name) })
	}
	return all, nil
}

// circle says why there is no order.
func circle(left []string, order []precedence) string {
	s := "no order of these changes keeps every host within reach:"
	for _, b := range order {
		if slices.Contains(left, b.first) && slices.Contains(left, b.then) && leads(order, b.then, b.first) {
			s += "\n" + b.why
		}
	}
	return s + "\nchange " + strings.Join(left, " or ") + " alone first, with a plan of its own"
}

// linksOf are the networks of a host's links, as they are or as the plan wants
// them.
func (r *Run) linksOf(s *session, planned bool) []netip.Prefix {
	h, _ := r.opts.Cluster.Host(s.name)
	var all []netip.Prefix
	for _, i := range s.facts.Interfaces {
		for _, text := range i.Addresses {
			p, err := netip.ParsePrefix(text)
			ours := slices.ContainsFunc(h.Interfaces, func(w plans.Interface) bool {
				return w.Name == i.Name && err == nil && w.Address.Addr().Is4() == p.Addr().Is4()
			})
			if err == nil && !(planned && ours) {
				all = append(all, p.Masked())
			}
		}
	}
	for _, i := range h.Interfaces {
		if planned {
			all = append(all, i.Address.Masked())
		}
	}
	return all
}

func onLinks(links []netip.Prefix, address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(links, func(p netip.Prefix) bool { return p.Contains(a) })
}

// suspend says goodbye to the hosts that are reached through one that is about to
// move, while that is still possible: a host that is cut off keeps its agent, and
// with it the lock, until its sshd notices. It gives what brings them back.
func (r *Run) suspend(jump string) (resume func(ctx context.Context)) {
	j := r.session(jump)
	behind := slices.DeleteFunc(r.healthy(), func(name string) bool {
		return name == jump || !r.session(name).way.leadsThrough(j.way)
	})
	if len(behind) == 0 {
		return func(context.Context) {}
	}
	r.each(behind, func(name string) { r.session(name).close() })
	if j.dropJump != nil {
		j.dropJump()
	}
	return func(ctx context.Context) {
		r.each(behind, func(name string) {
			if err := r.resume(ctx, name); err != nil {
				r.fail(name, plans.StageConnect, fmt.Errorf("cannot reach it again through %s: %w", jump, err))
			}
		})
	}
}

// resume dials a suspended host anew.
func (r *Run) resume(ctx context.Context, name string) error {
	old := r.session(name)
	next, err := old.again(ctx, old.dialled)
	if err != nil {
		return err
	}
	next.address, next.dialled, next.offset = old.address, old.dialled, old.offset
	err = r.learn(ctx, next, false)
	if err == nil && old.locked {
		// The agent before may be at its end, which is no other run.
		err = r.lockOne(ctx, next, DefaultLockWait, time.Now().Add(DefaultLockWait))
	}
	if err != nil {
		next.close()
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sessions[name] = next
	return nil
}
