// Package all lists every kind. A new kind is a new folder beside this one and
// a line here.
package all

import (
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/address"
	"github.com/lvsup/lvsup/internal/step/boot"
	"github.com/lvsup/lvsup/internal/step/firewall"
	"github.com/lvsup/lvsup/internal/step/httpd"
	"github.com/lvsup/lvsup/internal/step/ipvs"
	"github.com/lvsup/lvsup/internal/step/mangle"
	"github.com/lvsup/lvsup/internal/step/packages"
	"github.com/lvsup/lvsup/internal/step/selinux"
	"github.com/lvsup/lvsup/internal/step/sysctl"
	"github.com/lvsup/lvsup/internal/step/tunnel"
	"github.com/lvsup/lvsup/internal/step/vip"
)

// Kinds gives every kind for the host.
func Kinds(h host.Host) []step.Any {
	return []step.Any{
		step.Erase(packages.New(h)),
		step.Erase(firewall.New(h)),
		step.Erase(selinux.New(h)),
		step.Erase(address.New(h)),
		step.Erase(sysctl.New(h)),
		step.Erase(tunnel.New(h)),
		step.Erase(mangle.New(h)),
		step.Erase(boot.New(h)),
		step.Erase(vip.New(h)),
		step.Erase(httpd.New(h)),
		step.Erase(ipvs.New(h)),
	}
}
