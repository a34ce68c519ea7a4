#!/bin/sh -e
#
# rc.local
#
# By default this script does nothing.

exit 0
