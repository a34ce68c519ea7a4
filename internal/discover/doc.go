// Package discover makes a plan of hosts that work already: what their agents tell
// of interfaces, routes and the IPVS table.
//
// What belongs in the plan is not guessed. A drift check of each candidate decides:
// an interface whose block would change something on the host, since its address
// comes from DHCP or was typed by hand, is left out, and said in a comment. So what
// the finished plan would still change is known before anybody applies it, and is
// part of the result. The package itself asks no host and is pure but for the check
// that it is given.
package discover

import (
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// Host is what one host has told.
type Host struct {
	Name  string
	Facts wire.Facts
	Table *wire.IPVSResponse // nil: it could not be read
}

// Compare gives the difference between a cluster and its hosts.
type Compare func(*plans.Cluster) (*plans.Plan, error)

// Result is what was found, as a plan.
type Result struct {
	Cluster  *plans.Cluster
	Comments plans.Comments
	Warnings []string    // what the plan does not say, a line each
	First    *plans.Plan // what an apply of the plan would do
}
