// Package lab boots the hosts of a plan on one machine: a User-Mode Linux guest
// for each, which is a real Linux kernel with IPVS in it, with systemd, sshd
// and apache2 on top; a client beside them; and the networks between them, in
// a network namespace of their own. Nothing in here prints: Up and the image
// builder report what they do through Options.Events.
//
// A lab needs root, and Debian packages named in packages.txt.
//
//   - FromCluster (pure) lays out the guests, bridges and addresses.
//   - Image builds and caches the disk that all guests share, copy on write.
//   - Up, Down, List, PowerCycle and Cable run labs by name.
//   - Open gives a Lab, which runs commands in guests over kept connections.
//   - Connect is the ProxyCommand behind the ssh_config that Up writes, with
//     which ssh, and lvsup -F, reach the guests by the names in the plan.
//
// What a lab keeps is in /run/lvsup-lab/NAME (state, keys, sockets, logs) and
// in lvsup/lab below the user's cache directory (images and the guests' disks);
// Down leaves only the image.
package lab
