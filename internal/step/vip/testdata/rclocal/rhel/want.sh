#!/bin/bash
# THIS FILE IS ADDED FOR COMPATIBILITY PURPOSES
#
# Please note that you must run chmod +x

# lvsup: virtual IP addresses, begin
ip addr replace 192.168.140.100/32 dev lo
# lvsup: virtual IP addresses, end
touch /var/lock/subsys/local
