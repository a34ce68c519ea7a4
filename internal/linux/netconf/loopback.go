package netconf

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// Files that lvsup writes for addresses on lo. That of interfaces(5) has a name
// that no card's file can have, and is sourced by a line of its own.
const (
	OwnLoopbackInterfaces = InterfacesDir + "/vip-lvsup"
	OwnLoopbackNetplan    = NetplanDir + "/91-lvsup-vip.yaml"
	loopbackDropIn        = "lvsup-vip.conf"
)

const lo = "lo"

// Loopback is what brings lo up at boot with further addresses, and its files.
// It need not be the stack of the cards: the ifcfg files of lo are read by
// network-scripts alone.
type Loopback struct {
	Stack string
	Files Files
	// NetworkManager is its version, "1.42.4"; empty where it cannot be told.
	NetworkManager string
	// Aliases says that network-scripts bring ifcfg-lo:N up at boot.
	Aliases bool
}

// ReadLoopback finds what brings lo up on a host whose cards are the stack's, and
// takes its files.
func ReadLoopback(h host.Host, stack string) (Loopback, error) {
	l := Loopback{Stack: stack}
	if stack == StackIfcfg {
		starts := len(glob(h, "/etc/rc.d/rc3.d/S*network"))+len(glob(h, "/etc/rc3.d/S*network")) > 0
		l.Aliases = exists(h, IfcfgDir+"/ifup-aliases") && (starts || enabled(h, "network.service"))
		if !l.Aliases && exists(h, nmBinary) {
			l.Stack = StackNetworkManager
		}
	}
	if l.Stack == StackNetworkManager {
		l.NetworkManager = versionNM(h)
	}
	var err error
	l.Files, err = readStack(h, l.Stack, []string{lo})
	return l, err
}

// versionNM reads NetworkManager's version from the directory of its plugins,
// which has it in its name: 1.42.4, or 1.46.0-1.el9.
func versionNM(h host.Host) string {
	version := ""
	for _, pattern := range []string{"/usr/lib*/NetworkManager/[0-9]*", "/usr/lib/*/NetworkManager/[0-9]*"} {
		for _, p := range glob(h, pattern) {
			v, _, _ := strings.Cut(path.Base(p), "-")
			if version == "" || older(version, v) {
				version = v
			}
		}
	}
	return version
}

// older compares versions number by number.
func older(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(x), len(y)) {
		m, _ := strconv.Atoi(x[i])
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m < n
		}
	}
	return len(x) < len(y)
}

// Plan says what the files must hold for lo to get the addresses at boot, besides
// 127.0.0.1 and ::1. Paths, contents and second plans are as in Plan. An IPv6
// address gets no preferred lifetime, so that nothing leaves the host with it
// unasked; where the files have no word for that, there is an error.
func (l Loopback) Plan(vips []netip.Prefix) (map[string]string, error) {
	vips = slices.Clone(vips)
	slices.SortFunc(vips, netip.Prefix.Compare)
	want := map[string]string{}
	var err error
	switch l.Stack {
	case StackIfcfg:
		err = l.aliases(want, vips)
	case StackIfupdown:
		l.interfaces(want, vips)
	case StackNetworkd:
		err = l.network(want, vips)
	case StackNetworkManager:
		err = l.keyfile(want, vips)
	case StackNetplan:
		err = l.netplan(want, vips)
	default:
		err = errors.New("it has neither ifcfg files, ifupdown, netplan, NetworkManager nor networkd")
	}
	if err != nil {
		return nil, fmt.Errorf("this host's network stack cannot keep a VIP on lo: %w; write persist = \"rc.local\" in the virtual_service", err)
	}
	return want, nil
}

// interfaces writes a file of interfaces(5). Where the VIP is there already the
// commands change nothing, so it does no harm if the file is read twice.
func (l Loopback) interfaces(want map[string]string, vips []netip.Prefix) {
	var b strings.Builder
	b.WriteString(ownHeading + "auto lo\niface lo inet loopback\n")
	for _, p := range vips {
		fmt.Fprintf(&b, "    up ip addr replace %s dev lo%s\n", p, unpreferred(p, " preferred_lft 0"))
		fmt.Fprintf(&b, "    down ip addr del %s dev lo || true\n", p)
	}
	want[OwnLoopbackInterfaces] = b.String()
	top := l.Files.Content[InterfacesTop]
	if !sourcesDir(top) && !sources(top, OwnLoopbackInterfaces) {
		top = appendLine(top, "source "+OwnLoopbackInterfaces)
	}
	want[InterfacesTop] = top
}

// unpreferred is what an IPv6 address needs beside it.
func unpreferred(p netip.Prefix, word string) string {
	if p.Addr().Is6() {
		return word
	}
	return ""
}

// network writes a file of systemd.network(5), or where somebody has one for lo
// alone, a drop-in of it.
func (l Loopback) network(want map[string]string, vips []netip.Prefix) error {
	sections := []iniLine{}
	for _, p := range vips {
		pairs := []string{"Address=" + p.String()}
		if p.Addr().Is6() {
			pairs = append(pairs, "PreferredLifetime=0")
		}
		sections = addSection(sections, "Address", pairs...)
	}
	first := ""
	for _, m := range l.Files.matching(lo) {
		switch {
		case isOwnNetwork(m.file, lo):
			continue
		case unmanaged(parseINI(l.Files.Content[m.file], true)):
			return fmt.Errorf("%s says Unmanaged=, so networkd leaves it alone", m.file)
		case m.alone:
			want[path.Join(NetworkdDir, path.Base(m.file)+".d", loopbackDropIn)] = ownHeading + iniText(sections)
			return nil
		}
		first = path.Base(m.file)
		break
	}
	// Lest networkd takes away a VIP that others have set.
	head := addSection(parseINI(ownHeading+"[Match]\nName=lo\n", true), "Network", "KeepConfiguration=static")
	for _, own := range ownNetwork(lo) {
		if first == "" || own < first {
			want[path.Join(NetworkdDir, own)] = iniText(head) + "\n" + iniText(sections)
			return nil
		}
	}
	return fmt.Errorf("networkd takes %s for it, which comes before any file of lvsup's", first)
}

// keyfile writes a profile. NetworkManager has profiles for lo since 1.42, with
// the addresses that the kernel gives it among the others.
func (l Loopback) keyfile(want map[string]string, vips []netip.Prefix) error {
	own := OwnKeyfilePath(lo)
	for _, p := range l.Files.profiles(lo) {
		if p.name == lo && p.file != own {
			return fmt.Errorf("NetworkManager has %s for it already; add the VIP there (nmcli connection modify) with keep_vip = false in the plan", p.file)
		}
	}
	switch {
	case l.NetworkManager == "":
		return errors.New("NetworkManager leaves lo alone before version 1.42, and there is nothing to tell this one's by")
	case older(l.NetworkManager, "1.42"):
		return fmt.Errorf("NetworkManager leaves lo alone before version 1.42, and this is %s", l.NetworkManager)
	}
	pairs := []string{"address1=127.0.0.1/8"}
	for i, p := range vips {
		if p.Addr().Is6() {
			return fmt.Errorf("NetworkManager's profiles have no word for an address such as %s that nothing may leave with", p.Addr())
		}
		pairs = append(pairs, "address"+strconv.Itoa(i+2)+"="+p.String())
	}
	lines := append(parseINI(ownHeading, false), addSection(nil, "connection", "id="+ownPrefix+lo, "uuid="+profileUUID(lo), "type=loopback",
		"interface-name="+lo, "autoconnect-priority="+ownPriority)...)
	lines = addSection(lines, "ipv4", append(pairs, "method=manual")...)
	want[own] = iniText(addSection(lines, "ipv6", "address1=::1/128", "method=manual"))
	return nil
}

// netplan writes a file of its own: netplan puts the addresses of one definition
// in several files end to end.
func (l Loopback) netplan(want map[string]string, vips []netip.Prefix) error {
	files := l.Files
	files.Content = map[string]string{}
	for p, content := range l.Files.Content {
		if p != OwnLoopbackNetplan {
			files.Content[p] = content
		}
	}
	found, err := files.definitions(lo)
	if err != nil {
		return err
	}
	if files.rendersNM(found) {
		return errors.New("netplan writes it for NetworkManager, which has no definition for lo")
	}
	defs, wide := narrow(found)
	id, matches := lo, ""
	switch {
	case len(defs) > 0:
		id = defs[0].id
	case wide != "": // networkd takes the first file by name
		id, matches = "00-lvsup-lo", "      match:\n        name: lo\n"
	}
	text := ownHeading + "network:\n  version: 2\n  ethernets:\n    " + yamlText(id) + ":\n" + matches + "      addresses:\n"
	for _, p := range vips {
		text += "        - " + yamlText(p.String()) + unpreferred(p, ":\n            lifetime: 0") + "\n"
	}
	want[OwnLoopbackNetplan] = text
	return nil
}
