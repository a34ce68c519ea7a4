//go:build linux

// Package umltest runs a Go test binary as the init process of one User-Mode
// Linux guest, so that tests meet a real kernel with IPVS on a machine that
// has none. A test package calls Main from its TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }
//
// On the outside Main builds the package's tests statically, lays out a root
// directory that the guest sees through hostfs, boots the guest, copies what
// it says and takes its verdict. Inside, where it is process 1, it mounts what
// a system needs and runs the tests.
//
// It needs linux.uml and its modules (Debian: user-mode-linux), modprobe
// (kmod), ip (iproute2) and ipvsadm, and fails without them. Root rights are
// not needed, nor is a network: the guest has only its loopback interface.
package umltest
