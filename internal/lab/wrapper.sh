#!/bin/bash
# Starts one User-Mode Linux guest. A guest that reboots executes argv[0] again
# in the same process, with the descriptor of its TAP still open, and the new
# kernel then finds the TAP busy. So argv[0] is this script, which closes what
# it inherited first. exec -a is bash's.
for fd in /proc/self/fd/*; do
	fd=${fd##*/}
	if ((fd > 2)); then eval "exec $fd>&-"; fi
done
exec -a "$0" /usr/bin/linux.uml "$@"
