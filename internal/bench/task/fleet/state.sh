# What of a host is compared: the files that are written, with their modes, and what
# the kernel has. The output is hashed.
cd /
for file in etc/network/interfaces.d/* etc/sysctl.d/99-lvsup.conf etc/rc.local run/network/ifstate; do
	stat --format '%n %a %U' "$file" && cat "$file"
done
ip -4 -brief address show scope global | sed "s;@if[0-9]* *; ;" # the number of the other end
sysctl --values net.ipv4.conf.all.arp_announce net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.rp_filter \
	net.ipv4.ip_local_port_range net.ipv4.tcp_keepalive_time
