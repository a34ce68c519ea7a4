package netconf

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// Watched reports whether a daemon acts upon a file while the host runs, and so
// must be told of a change. Of ifcfg files NetworkManager may.
func Watched(file string) bool {
	dir := path.Dir(file)
	return dir == IfcfgDir || dir == KeyfileDir || dir == NetplanDir || strings.HasPrefix(file, NetworkdDir+"/")
}

// Reload tells the running daemons that files changed, so that they neither renew
// a lease that is gone nor undo what was set. Where none runs there is nothing to
// tell: the files are read at the next boot. An interface that NetworkManager has
// up takes its new settings at once, and networkd makes those whose files changed
// anew; the addresses that stay, stay all the time.
func Reload(ctx context.Context, h host.Host, files, interfaces []string) error {
	told := map[string]bool{}
	for _, f := range files {
		told[path.Dir(f)] = true
		told[NetworkdDir] = told[NetworkdDir] || strings.HasPrefix(f, NetworkdDir+"/")
	}
	if told[NetplanDir] && exists(h, "/usr/sbin/netplan") {
		if err := run(ctx, h, "netplan", "generate"); err != nil {
			return fmt.Errorf("cannot make netplan write the files of its renderer: %w", err)
		}
	}
	if told[NetworkdDir] || told[NetplanDir] {
		if err := reloadNetworkd(ctx, h); err != nil {
			return err
		}
	}
	if told[IfcfgDir] || told[KeyfileDir] || told[NetplanDir] {
		return reloadNetworkManager(ctx, h, interfaces)
	}
	return nil
}

// Listens reports whether the host has a daemon that may act upon its files after
// Reload has come back.
func Listens(h host.Host) bool { return exists(h, "/run/systemd/netif") || exists(h, "/usr/bin/nmcli") }

func reloadNetworkd(ctx context.Context, h host.Host) error {
	if !exists(h, "/run/systemd/netif") {
		return nil
	}
	res, err := h.Run(ctx, "systemctl", "is-active", "systemd-networkd.service")
	if err != nil || strings.TrimSpace(res.Stdout) != "active" {
		return err
	}
	if err := run(ctx, h, "networkctl", "reload"); err != nil {
		return fmt.Errorf("cannot tell networkd of the new files: %w", err)
	}
	return nil
}

func reloadNetworkManager(ctx context.Context, h host.Host, interfaces []string) error {
	if !exists(h, "/usr/bin/nmcli") {
		return nil
	}
	res, err := h.Run(ctx, "nmcli", "-t", "-f", "RUNNING", "general")
	if err != nil {
		return err
	}
	if strings.TrimSpace(res.Stdout) != "running" {
		return nil
	}
	if err := run(ctx, h, "nmcli", "connection", "reload"); err != nil {
		return fmt.Errorf("cannot tell NetworkManager of the new files: %w", err)
	}
	for _, i := range interfaces {
		if err := reapply(ctx, h, i); err != nil {
			return fmt.Errorf("cannot make NetworkManager take %s up again: %w", i, err)
		}
	}
	return nil
}

// reapply makes NetworkManager use its files for an interface that it has up.
func reapply(ctx context.Context, h host.Host, name string) error {
	res, err := h.Run(ctx, "nmcli", "-g", "GENERAL.STATE,GENERAL.CON-UUID", "device", "show", name)
	if err != nil {
		return err
	}
	state, active, _ := strings.Cut(strings.TrimSpace(res.Stdout), "\n")
	// 100 is NM_DEVICE_STATE_ACTIVATED; other devices take the files up later.
	if res.Code != 0 || !strings.HasPrefix(state, "100") {
		return nil
	}
	// Another profile than the one in use must be brought up; the one in use is
	// only compared with its file.
	if uuid := bootProfile(h, name); uuid != "" && uuid != strings.TrimSpace(active) {
		return run(ctx, h, "nmcli", "--wait", "30", "connection", "up", "uuid", uuid, "ifname", name)
	}
	return run(ctx, h, "nmcli", "device", "reapply", name)
}

// bootProfile is the UUID of the profile that brings the interface up at boot;
// empty where no file has one.
func bootProfile(h host.Host, name string) string {
	files, err := readStack(h, StackNetworkManager, []string{name})
	if err != nil {
		return ""
	}
	if all := files.profiles(name); len(all) > 0 {
		return all[0].uuid
	}
	for _, p := range glob(h, "/run/NetworkManager/system-connections/netplan-*.nmconnection") {
		if err := files.read(h, p); err != nil {
			return ""
		}
		if made := profileOf(p, files.Content[p]); made.name == name {
			return made.uuid
		}
	}
	return ""
}

func run(ctx context.Context, h host.Host, argv ...string) error {
	res, err := h.Run(ctx, argv...)
	if err != nil {
		return err
	}
	return res.Err(argv...)
}
