package mangle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/netfilter"
	"github.com/lvsup/lvsup/internal/step"
)

// New gives the kind, working on the host.
func New(h host.Host) step.Kind[Desired, Observed] { return newKind(onHost(h)) }

func onHost(h host.Host) kind { return kind{h, netfilter.SupportsIP} }

func newKind(k kind) step.Kind[Desired, Observed] {
	return step.Kind[Desired, Observed]{
		Name:     Name,
		Validate: Validate,
		Observe:  k.observe,
		Diff:     Diff,
		Apply:    k.apply,
		Commands: Commands,
	}
}

type kind struct {
	host       host.Host
	supportsIP func() error // netfilter.SupportsIP
}

// Restore makes the rules what StateFile says, as the boot unit does. It removes
// nothing that the file does not name. Without that file it does nothing.
func Restore(ctx context.Context, h host.Host) error { return onHost(h).restore(ctx) }

func (k kind) restore(ctx context.Context) error {
	b, ok, err := atomicfile.Read(k.host.Path(StateFile))
	if err != nil || !ok {
		return err
	}
	want, err := decode(b)
	if err != nil {
		return err
	}
	have, err := k.observe(ctx, want, nil)
	if err == nil {
		_, err = k.apply(ctx, want, Diff(want, nil, have))
	}
	if err != nil {
		return fmt.Errorf("cannot bring the packet rules back: %w", err)
	}
	return nil
}

func (k kind) observe(ctx context.Context, want Desired, owned step.Owned) (Observed, error) {
	var have Observed
	wanted := len(want.Marks)+len(want.MSS) > 0
	if !wanted && len(owned) == 0 {
		return have, nil
	}
	tools, err := k.tools(ctx)
	if err != nil {
		return have, err
	}
	if have.Rules, _, err = k.list(ctx, tools); err != nil {
		return have, err
	}
	if wanted {
		have.Tool, have.Missing = k.choose(ctx, tools, have.Rules)
	}
	data, there, err := atomicfile.Read(k.host.Path(StateFile))
	have.File, have.FileThere = string(data), there
	return have, err
}

func (k kind) apply(ctx context.Context, _ Desired, changes []step.Change) (int, error) {
	for i, c := range changes {
		if err := step.Next(ctx, c); err != nil {
			return i, err
		}
		if err := k.one(ctx, c); err != nil {
			return i, err
		}
	}
	return len(changes), nil
}

// one carries out one change.
func (k kind) one(ctx context.Context, c step.Change) error {
	switch {
	case c.Blocked != "":
		return errors.New(c.Blocked)
	case !c.Action.Mutates():
		return nil
	case c.ID == fileID():
		return k.file(c)
	}
	tools, err := k.tools(ctx)
	if err != nil {
		return err
	}
	mine, others, err := k.list(ctx, tools)
	if err != nil {
		return err
	}
	s := swap{keep: others}
	for _, f := range mine {
		if f.key == c.Key {
			s.out = append(s.out, f)
		} else if f.tool == nft {
			s.keep++
		}
	}
	if !c.Action.Removes() {
		if s.in, err = parse(c.Key, c.To); err != nil {
			return err
		}
		missing := ""
		if s.tool, missing = k.choose(ctx, tools, mine); s.tool == "" {
			return fmt.Errorf("cannot set %s: %s", c.Key, missing)
		}
		s.settle(c.To)
	}
	if err := k.swap(ctx, s); err != nil {
		return fmt.Errorf("cannot %s the rule for %s: %w", c.Action, c.Key, err)
	}
	return nil
}

// swap puts one rule in the place of what there is of it.
type swap struct {
	tool   string
	in     rule
	chains []string // that lack it
	out    []found
	keep   int // rules in lvsup's own table for nft that stay
}

// settle leaves in place what is as it should be: one in each chain.
func (s *swap) settle(value string) {
	for _, chain := range s.in.chains() {
		i := slices.IndexFunc(s.out, func(f found) bool { return f.tool == s.tool && f.chain == chain && f.value == value })
		if i < 0 {
			s.chains = append(s.chains, chain)
		} else {
			s.out = slices.Delete(s.out, i, i+1)
			if s.tool == nft {
				s.keep++
			}
		}
	}
}

// swap adds before it removes, so that no packet goes without.
func (k kind) swap(ctx context.Context, s swap) error {
	var script []string // nft's, carried out as one transaction
	if s.tool == nft {
		script = s.in.nftAdd(s.chains)
	} else {
		for _, chain := range s.chains {
			argv := []string{family(s.tool, s.in.address.Is6()), "-w", "-t", "mangle", "-A", strings.ToUpper(chain)}
			if _, err := k.run(ctx, append(argv, s.in.commented()...)...); err != nil {
				return err
			}
		}
	}
	removed := false
	for _, f := range s.out {
		if f.tool == nft {
			script = append(script, "delete rule "+table+" "+f.chain+" handle "+f.ref[0])
			removed = true
			continue
		}
		argv := []string{family(f.tool, f.ipv6), "-w", "-t", "mangle", "-D", strings.ToUpper(f.chain)}
		if _, err := k.run(ctx, append(argv, f.ref...)...); err != nil {
			return err
		}
	}
	if removed && s.keep == 0 && (s.tool != nft || len(s.chains) == 0) {
		script = []string{"delete table " + table}
	}
	if len(script) == 0 {
		return nil
	}
	_, err := k.run(ctx, nft, strings.Join(script, "; "))
	return err
}

func (k kind) file(c step.Change) error {
	path := k.host.Path(c.Key)
	if c.Action == step.Delete {
		return atomicfile.Remove(path)
	}
	data, err := step.DecodeBytes(c.To)
	if err != nil {
		return fmt.Errorf("cannot decode the content of %s: %w", c.Key, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot make the directory of %s: %w", c.Key, err)
	}
	return atomicfile.Write(path, data, 0o600)
}
