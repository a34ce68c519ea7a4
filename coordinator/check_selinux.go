package coordinator

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// unlabelledPort finds a port that a web server of the host is to serve and that
// SELinux will deny it. A host without an httpd block may serve anything there.
func unlabelledPort(c *plans.Cluster, h *plans.Host, f wire.Facts) (uint16, bool) {
	enforces := f.SELinux == "enforcing" && unmanaged(c.SELinux) ||
		(f.SELinux == "enforcing" || f.SELinux == "permissive") && c.SELinux == plans.PolicyEnforcing
	if !enforces || h.HTTPD == nil {
		return 0, false
	}
	// http_port_t and http_cache_port_t of the reference policy, which httpd_t may bind.
	allowed := append([]string{"80", "81", "443", "488", "8008", "8009", "8080", "8118", "8123", "8443", "9000", "10001-10010"}, f.HTTPPorts...)
	for _, s := range c.Services {
		for _, b := range s.Backends {
			port := s.Port
			if b.Forwarding == plans.ForwardNAT && b.Port != 0 {
				port = b.Port
			}
			if b.Host == h.Name && s.Protocol == "tcp" && port != 0 &&
				!slices.ContainsFunc(allowed, func(r string) bool { return inRange(r, int(port)) }) {
				return port, true
			}
		}
	}
	return 0, false
}

// inRange reports whether a range such as "8100-8110", or a single port, has the
// port in it.
func inRange(ports string, port int) bool {
	first, last, isRange := strings.Cut(ports, "-")
	if !isRange {
		last = first
	}
	from, errFrom := strconv.Atoi(first)
	to, errTo := strconv.Atoi(last)
	return errFrom == nil && errTo == nil && from <= port && port <= to
}
