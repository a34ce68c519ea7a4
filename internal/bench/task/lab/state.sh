# What of a host is compared: the files that are written, with their modes, what the
# kernel has, and the services. The output is hashed. What runs at boot to bring the
# virtual services back is left out: lvsup has a unit of its own for that, and
# Ansible's user Debian's.
cd /
for file in etc/network/interfaces etc/network/interfaces.d/* etc/resolv.conf etc/sysctl.d/99-lvsup.conf etc/rc.local \
	etc/modules-load.d/* run/network/ifstate var/www/html/index.html; do
	[ ! -f "$file" ] || { stat --format '%n %a %U' "$file" && cat "$file"; }
done
ip -4 -brief address show
ip route show | sed 's/ onlink//; s/ *$//' # ifup says that, and it means nothing here
sysctl --values net.ipv4.conf.all.arp_announce net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.rp_filter net.ipv4.ip_forward
systemctl is-enabled apache2 || true
systemctl is-active apache2 || true
cut --delimiter ' ' --fields 1 /proc/modules | grep ip_vs | sort || true
[ ! -e /proc/net/ip_vs ] || ipvsadm --save --numeric # which would load the module
