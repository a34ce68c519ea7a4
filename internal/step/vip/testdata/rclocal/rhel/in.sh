#!/bin/bash
# THIS FILE IS ADDED FOR COMPATIBILITY PURPOSES
#
# Please note that you must run chmod +x

touch /var/lock/subsys/local
