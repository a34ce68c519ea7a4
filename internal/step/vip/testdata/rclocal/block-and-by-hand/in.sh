#!/bin/sh
# lvsup: virtual IP addresses, begin
ip addr replace 192.168.140.100/32 dev lo
# lvsup: virtual IP addresses, end
ip addr add dev lo 192.168.140.100/32
