#!/bin/sh
modprobe a
exit 0
