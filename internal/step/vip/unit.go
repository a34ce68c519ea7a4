package vip

import (
	"slices"
	"strings"
)

// Where a host's systemd has no rc.local, a unit of lvsup's own adds the VIPs.
const (
	unitName = "lvsup-vip.service"
	unitFile = "/etc/systemd/system/" + unitName
	wantsDir = "/etc/systemd/system/multi-user.target.wants"
	wantLink = wantsDir + "/" + unitName
)

// unit is the unit's text; ip is the path of ip(8), since ExecStart wants one.
func unit(ip string, vips []VIP) string {
	var b strings.Builder
	b.WriteString(`# Written by lvsup from its plan; an edit here is overwritten by the next apply.
[Unit]
Description=Virtual IP addresses of an LVS cluster
After=network.target

[Service]
Type=oneshot
`)
	var lines []string
	for _, v := range vips {
		lines = append(lines, "ExecStart="+v.command(ip)+"\n")
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(lines, ""))
	b.WriteString("\n[Install]\nWantedBy=multi-user.target\n")
	return b.String()
}
