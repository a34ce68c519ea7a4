#!/bin/sh -e
#
# rc.local
#
# By default this script does nothing.

# lvsup: virtual IP addresses, begin
ip addr replace 192.168.140.100/32 dev lo
# lvsup: virtual IP addresses, end
exit 0
