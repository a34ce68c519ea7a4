package ipvs

import (
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/step"
)

// separateFamilies keeps sync daemons and backends of another family than their
// service's apart: the kernel refuses the one while it has the other
// (ip_vs_genl_set_cmd, start_sync_thread). What goes makes room early; where
// what is not lvsup's is in the way, nothing can be done.
func separateFamilies(changes []step.Change, have step.State) {
	daemons := slices.ContainsFunc(changes, func(c step.Change) bool { return isDaemon(c.ID) })
	for _, id := range daemonIDs() {
		_, runs := have[id]
		daemons = daemons || runs
	}
	if !daemons {
		return // as nearly always
	}
	planned := make(map[step.ID]int, len(changes)) // place in changes
	for i, c := range changes {
		planned[c.ID] = i
	}
	// sets gives the changes that leave something of that sort on the host.
	sets := func(is func(step.ID) bool) (places []int) {
		for i, c := range changes {
			if is(c.ID) && c.Action.Mutates() && c.Action != step.Delete {
				places = append(places, i)
			}
		}
		return places
	}
	makeWay := func(is func(step.ID) bool, from []int, why string) {
		if len(from) == 0 {
			return
		}
		for id := range have {
			if !is(id) {
				continue
			}
			if i, ok := planned[id]; ok && changes[i].Action == step.Delete {
				changes[i].Early = true
				continue
			}
			for _, i := range from {
				if why := why + id.Key; changes[i].Blocked == "" || why < changes[i].Blocked {
					changes[i].Blocked = why
				}
			}
		}
	}
	starts, adds := sets(isDaemon), sets(isMixed)
	makeWay(isMixed, starts, "the kernel runs no sync daemon beside a backend of another family than its service, and there is ")
	makeWay(isDaemon, adds, "the kernel takes no backend of another family than its service beside a sync daemon, and there is the ")
}

func isDaemon(id step.ID) bool { return sortOf(id) == ofDaemon }

// isMixed reports whether the ID is that of a backend of another family than
// its service's.
func isMixed(id step.ID) bool {
	service, backend, ok := strings.Cut(id.Key, arrow)
	if !ok || sortOf(id) != ofBackend {
		return false
	}
	six := strings.Contains(service, "[") || strings.HasSuffix(service, " IPv6")
	return six != strings.HasPrefix(backend, "[")
}
