package httpd

import (
	"context"
	"slices"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/httpget"
	"github.com/lvsup/lvsup/internal/linux/pkgmgr"
	"github.com/lvsup/lvsup/internal/linux/service"
	"github.com/lvsup/lvsup/internal/step"
)

// PagePath is where Apache's default site has its page, on Debian as on RHEL.
const PagePath = "/var/www/html/index.html"

// The values that the service is compared with.
const (
	enabled  = "enabled"
	disabled = "disabled"
	active   = "active"
	inactive = "inactive"
)

func pageID() step.ID { return step.ID{Key: PagePath, Field: step.ContentField} }

func enabledID(unit string) step.ID { return step.ID{Key: unit, Field: "enabled"} }

func activeID(unit string) step.ID { return step.ID{Key: unit, Field: "active"} }

// Observed is what a host has of the test page.
type Observed struct {
	Unit    service.Unit // apache2.service or httpd.service, by the host's family
	HasPage bool
	Page    []byte
}

// New makes the kind.
func New(h host.Host) step.Kind[Desired, Observed] {
	return newKind(worker{host: h, unit: pkgmgr.Apache(h) + ".service", fetch: httpget.Get})
}

func newKind(w worker) step.Kind[Desired, Observed] {
	return step.Kind[Desired, Observed]{
		Name:     "httpd",
		Validate: Validate,
		Observe:  w.observe,
		Diff:     Diff,
		Apply:    w.apply,
		Commands: commands,
	}
}

// Diff compares. The package may come only in an earlier stage of the same
// run; until then the service is simply absent.
func Diff(want Desired, owned step.Owned, have Observed) []step.Change {
	unit := have.Unit.Name
	seen, wanted := step.State{}, step.State{}
	if have.HasPage {
		seen[pageID()] = step.EncodeBytes(have.Page)
	}
	if have.Unit.Exists {
		seen[enabledID(unit)] = disabled
		if have.Unit.Enabled != "" {
			seen[enabledID(unit)] = have.Unit.Enabled
		}
		// A failed service is a stopped one, and would not come back as failed.
		seen[activeID(unit)] = inactive
		if have.Unit.Active == active || have.Unit.Active == "reloading" {
			seen[activeID(unit)] = active
		}
	}
	if want != (Desired{}) {
		wanted[pageID()] = step.EncodeBytes([]byte(want.page()))
		wanted[enabledID(unit)] = enabled
		wanted[activeID(unit)] = active
	}
	changes := step.Reconcile(wanted, owned, seen)
	// The page is there before the service, and the service has stopped before
	// the page goes.
	slices.SortStableFunc(changes, func(a, b step.Change) int {
		return rank(a) - rank(b)
	})
	return changes
}

func rank(c step.Change) int {
	r := 0
	switch {
	case c.Field == "enabled":
		r = 1
	case c.Field == "active":
		r = 2
	}
	if c.Action.Removes() {
		return 10 - r
	}
	return r
}

// commands are what a person would type.
func commands(_ Desired, c step.Change) []string {
	if !c.Action.Mutates() {
		return nil
	}
	unit := c.Key
	switch {
	case c.ID == pageID():
		return step.FileCommands(c, 0o644)
	case c.Field == "enabled" && c.To == enabled:
		return []string{"systemctl enable " + unit}
	case c.Field == "enabled":
		return []string{"systemctl disable " + unit}
	case c.To == active:
		return []string{"systemctl start " + unit}
	default:
		return []string{"systemctl stop " + unit}
	}
}

// worker observes and changes one host.
type worker struct {
	host  host.Host
	unit  string
	fetch func(context.Context, httpget.Options) (httpget.Result, error)
}
