package rtnl

import (
	"bytes"
	"slices"
)

// SavedRoute is a route of any table as the kernel gave it, with all that Route
// does not know: several next hops, metrics of a path, a type of service. It can be
// given back to the same kernel until it boots, as `ip route restore` does.
type SavedRoute struct {
	Raw  []byte `json:"raw"`  // struct rtmsg and its attributes (rtnetlink(7)), without what is only of the moment
	Text string `json:"text"` // as ip-route(8) takes it, but for rare attributes
}

// Holds reports whether the route is among those.
func Holds(all []SavedRoute, r SavedRoute) bool {
	return slices.ContainsFunc(all, func(a SavedRoute) bool { return bytes.Equal(a.Raw, r.Raw) })
}
