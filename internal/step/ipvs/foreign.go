package ipvs

import (
	"net/netip"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// OwnsService reports whether the record names a service: lvsup made it,
// changed it or adopted it.
func OwnsService(owned step.Owned, key ipvs.ServiceKey) bool {
	_, ok := owned[serviceID(key)]
	return ok
}

// OwnsBackend is OwnsService for a backend.
func OwnsBackend(owned step.Owned, key ipvs.ServiceKey, addr netip.AddrPort) bool {
	_, ok := owned[backendID(key, addr)]
	return ok
}
