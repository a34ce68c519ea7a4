#!/bin/sh
modprobe dummy