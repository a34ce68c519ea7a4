#!/bin/sh
modprobe a
# lvsup: virtual IP addresses, begin
ip addr replace 192.168.140.100/32 dev lo
# lvsup: virtual IP addresses, end
modprobe b
exit 0
