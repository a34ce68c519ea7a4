// Package netconf knows the files from which a host's network comes up at boot.
//
// Detect says which stack owns the interfaces, Read takes its files from a
// host, and Plan, a pure function, says what those files must hold for the
// interfaces of a plan. Five stacks are written: ifcfg (RHEL-like hosts,
// where either network-scripts or NetworkManager's ifcfg-rh plugin reads them;
// the keys are those of doc/sysconfig.txt in fedora-sysv/initscripts), ifupdown
// (interfaces(5)), NetworkManager's own profiles (nm-settings-keyfile(5)),
// systemd-networkd (systemd.network(5)) and netplan (netplan(5)). Lines of others
// stay byte for byte. Reload tells the daemons among them of new files.
package netconf
