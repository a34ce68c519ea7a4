package netconf

import (
	"os"
	"path"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
)

// readStack takes the files of one stack from the host.
func readStack(h host.Host, stack string, interfaces []string) (Files, error) {
	files := Files{Content: map[string]string{}}
	var names []string
	switch stack {
	case StackIfcfg:
		for _, kind := range []string{"ifcfg", "route", "route6"} {
			names = append(names, glob(h, IfcfgDir+"/"+kind+"-*")...)
		}
	case StackIfupdown:
		names = append(glob(h, InterfacesDir+"/*"), InterfacesTop)
	case StackNetworkd:
		for _, dir := range networkdDirs() {
			for _, pattern := range []string{"/*.network", "/*.network.d/*.conf", "/*.netdev"} {
				names = append(names, glob(h, dir+pattern)...)
			}
		}
	case StackNetplan:
		for _, dir := range netplanDirs() {
			names = append(names, glob(h, dir+"/*.yaml")...)
		}
		names = append(append(names, glob(h, NetworkdDir+"/10-netplan-*.network.d/lvsup.conf")...), NoCloudNetwork)
		files.CloudInit = exists(h, "/etc/cloud") && !exists(h, "/etc/cloud/cloud-init.disabled")
	case StackNetworkManager:
		names = glob(h, KeyfileDir+"/*")
	}
	for _, name := range names {
		if leftover(name) {
			continue
		}
		info, err := os.Stat(h.Path(name))
		switch {
		case err == nil && info.Mode().IsRegular():
			err = files.read(h, name)
		case err == nil && info.Mode()&os.ModeCharDevice != 0: // a link to /dev/null masks what has its name
			files.Content[name] = ""
		default:
			err = nil
		}
		if err != nil {
			return Files{}, err
		}
	}
	files.readMACs(h, interfaces)
	files.hideSecrets(interfaces)
	return files, nil
}

// readMACs reads the hardware addresses, where there are such.
func (f *Files) readMACs(h host.Host, interfaces []string) {
	for _, name := range interfaces {
		data, ok, err := atomicfile.Read(h.Path("/sys/class/net/" + name + "/address"))
		if mac := strings.TrimSpace(string(data)); err == nil && ok && mac != "" && mac != "00:00:00:00:00:00" {
			if f.MAC == nil {
				f.MAC = map[string]string{}
			}
			f.MAC[name] = mac
		}
	}
}

// hideSecrets takes the profiles that hold secrets out again.
func (f *Files) hideSecrets(interfaces []string) {
	for file, content := range f.Content {
		if path.Dir(file) != KeyfileDir || !holdsSecrets(content) {
			continue
		}
		for _, name := range interfaces {
			if all := f.profiles(name); len(all) > 0 && all[0].file == file {
				if f.Secret == nil {
					f.Secret = map[string]string{}
				}
				f.Secret[name] = file
			}
		}
	}
	for file, content := range f.Content {
		if path.Dir(file) == KeyfileDir && holdsSecrets(content) {
			delete(f.Content, file)
		}
	}
}

// owners maps those of the interfaces that a stack brings up to the file by which
// it does, lvsup's own files aside.
func owners(h host.Host, stack string, interfaces []string) map[string]string {
	all := map[string]string{}
	files, err := readStack(h, stack, interfaces)
	if err != nil {
		return all // Read says so, of the stack that matters
	}
	for _, name := range interfaces {
		if file := files.owner(stack, name); file != "" {
			all[name] = file
		}
	}
	return all
}

// owner is the file by which the stack brings an interface up, lvsup's own aside;
// empty if there is none.
func (f Files) owner(stack, name string) string {
	switch stack {
	case StackIfcfg:
		p := IfcfgPath(f.Content, name)
		content, there := f.Content[p]
		if l, set := last(parseShell(content), "ONBOOT"); there && (!set || isTrue(l.value)) && !strings.HasPrefix(content, strings.TrimSpace(ownHeading)) {
			return p
		}
	case StackIfupdown:
		for _, p := range sortedKeys(f.Content) {
			for _, st := range parseInterfaces(f.Content[p]) {
				if st.head[0] == "iface" && len(st.head) > 1 && st.head[1] == name && !strings.HasPrefix(path.Base(p), ownPrefix) {
					return p
				}
			}
		}
	case StackNetworkd:
		for _, m := range f.matching(name) {
			switch {
			case isOwnNetwork(m.file, name):
			case strings.HasPrefix(path.Base(m.file), "10-netplan-") || unmanaged(parseINI(f.Content[m.file], true)):
				return ""
			default:
				return m.file
			}
		}
	case StackNetworkManager:
		if file := f.Secret[name]; file != "" {
			return file
		}
		for _, p := range f.profiles(name) {
			if p.file != OwnKeyfilePath(name) && !p.wide {
				return p.file
			}
		}
	case StackNetplan:
		if defs, err := f.definitions(name); err == nil && len(defs) > 0 {
			return defs[0].file
		}
	}
	return ""
}

// writesResolv reports whether the stack itself writes resolv.conf(5), from the
// servers in its files.
func writesResolv(h host.Host, stack string, files Files) bool {
	nm := stack == StackNetworkManager
	if stack == StackNetplan {
		nm = files.rendersNM(nil)
	}
	if !nm {
		return false
	}
	for _, name := range append(glob(h, "/etc/NetworkManager/conf.d/*.conf"), "/etc/NetworkManager/NetworkManager.conf") {
		data, _, err := atomicfile.Read(h.Path(name))
		if err != nil {
			continue
		}
		lines := parseINI(string(data), false)
		dns, _ := lastValue(lines, "main", "dns")
		manager, _ := lastValue(lines, "main", "rc-manager")
		if dns == "none" || manager == "unmanaged" {
			return false
		}
	}
	return true
}
