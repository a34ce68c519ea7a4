#!/bin/sh
# lvsup: virtual IP addresses, begin
ip addr replace 10.0.0.1/32 dev lo
# lvsup: virtual IP addresses, end
exit 0
