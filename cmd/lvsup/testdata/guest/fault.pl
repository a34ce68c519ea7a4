# fault.pl NUMBER FAULT HOLD WATCHED...: wait for the NUMBERth step that lvsup
# takes on this host, and do harm right there. A step is what the rest of the
# system can see: an address, a route, a link, a file in one of the directories
# WATCHED, the end of a DHCP client. Steps count from the first one in
# /run/lvsup/guard on, which is where a guarded change begins.
#
# The guest has one processor and this process must run with SCHED_FIFO
# (`chrt -f 50`): the kernel then wakes it before it gets back to the process
# that took the step. FAULT is a signal and whom it hits, as in "KILL serve",
# "KILL guard" or "STOP serve|guard", or "unit" to have systemd stop the guard.
# After HOLD seconds stopped processes go on. NUMBER 0 only lists the steps.
#
# What happened stands on the console, which needs no network: "FAULT NUMBER
# STEP" for the harm, and before it "STEP NUMBER STEP" for each.
use strict;
use warnings;
use Socket qw(inet_ntoa SOCK_RAW SOCK_NONBLOCK);

my ($number, $fault, $hold, @watched) = @ARGV;
my ($AF_NETLINK, $NETLINK_ROUTE, $GROUPS) = (16, 0, 1 | 0x10 | 0x40);  # RTMGRP_LINK, _IPV4_IFADDR, _IPV4_ROUTE
my ($INOTIFY_INIT1, $INOTIFY_ADD_WATCH, $PIDFD_OPEN) = (294, 254, 434);  # x86-64
my ($IN_CREATE, $IN_MOVED_TO, $IN_DELETE) = (0x100, 0x80, 0x200);

open my $console, '>', '/dev/console' or die "/dev/console: $!";
$console->autoflush(1);

socket my $netlink, $AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, $NETLINK_ROUTE or die "netlink: $!";
bind $netlink, pack('S S L L', $AF_NETLINK, 0, 0, $GROUPS) or die "netlink: $!";

my $fd = syscall($INOTIFY_INIT1, SOCK_NONBLOCK);
$fd >= 0 or die "inotify: $!";
open my $inotify, '<&=', $fd or die "inotify: $!";
my %dir;
for my $d (@watched) {
    my $w = syscall($INOTIFY_ADD_WATCH, $fd, $d, $IN_CREATE | $IN_MOVED_TO | $IN_DELETE);
    $w >= 0 or die "$d: $!";
    $dir{$w} = $d;
}

# running gives the processes whose command line matches.
sub running {
    my $pattern = shift;
    my @found;
    for my $dir (glob '/proc/[0-9]*') {
        open my $f, '<', "$dir/cmdline" or next;
        my $line = join ' ', split /\0/, <$f> // '';
        push @found, $1 if $line =~ $pattern && $dir =~ m{([0-9]+)$};
    }
    return @found;
}

my @clients;
for my $pid (running(qr{^\S*dhclient })) {
    my $p = syscall($PIDFD_OPEN, $pid + 0, 0);
    push @clients, $p if $p >= 0;
}

sub fromNetlink {
    my @steps;
    while (defined recv $netlink, my $data, 65536, 0) {
        while (length $data >= 16) {
            my ($len, $type) = unpack 'L S', $data;
            my $body = substr $data, 16, $len - 16;
            $data = substr $data, ($len + 3) & ~3;
            my $sign = $type % 4 == 0 ? '+' : '-';
            if ($type == 16 || $type == 17) { push @steps, "${sign}link" }
            if ($type == 24 || $type == 25) { push @steps, unpack('x C', $body) ? "${sign}route" : "${sign}default" }
            if ($type == 20 || $type == 21) {
                my $attrs = substr $body, 8;
                while (length $attrs >= 4) {
                    my ($l, $t) = unpack 'S S', $attrs;
                    push @steps, $sign . inet_ntoa(substr $attrs, 4, 4) if $t == 2;    # IFA_LOCAL
                    $attrs = length $attrs > (($l + 3) & ~3) ? substr $attrs, ($l + 3) & ~3 : '';
                }
            }
        }
    }
    return @steps;
}

sub fromInotify {
    my @steps;
    while (sysread $inotify, my $data, 65536) {
        while (length $data >= 16) {
            my ($w, $mask, $cookie, $len) = unpack 'l L L L', $data;
            my $name = unpack 'Z*', substr $data, 16, $len;
            $data = substr $data, 16 + $len;
            my $what = $mask & $IN_CREATE ? 'new' : $mask & $IN_DELETE ? 'gone' : 'written';
            $name =~ s/[0-9]{3,}/N/g;
            push @steps, "$what $dir{$w}/$name";
        }
    }
    return @steps;
}

print $console "READY\n";
my ($count, $begun) = (0, 0);
for (;;) {
    my $ready = '';
    vec($ready, $_, 1) = 1 for fileno $netlink, $fd, @clients;
    select(my $r = $ready, undef, undef, undef);
    my @steps = (fromNetlink(), fromInotify());
    for my $n (reverse 0 .. $#clients) {
        next unless vec($r, $clients[$n], 1);
        push @steps, '-dhclient';
        splice @clients, $n, 1;
    }
    $begun ||= grep { m{ /run/lvsup/guard/} } @steps;
    next unless $begun && @steps;
    my %seen;
    my $step = join ', ', grep { !$seen{$_}++ } @steps;
    $count++;
    if ($count != $number) {
        print $console "STEP $count $step\n" unless $number;
        next;
    }
    my ($signal, $whom) = split ' ', $fault;
    if ($fault eq 'unit') {
        system q(systemctl stop --no-block 'lvsup-guard-*');
        print $console "FAULT $count $step\n";
        exit;
    }
    my @hit = running(qr{^/usr/local/libexec/lvsup/agent-\S+ ($whom)});
    kill $signal, @hit;
    print $console "FAULT $count $step\n";
    exit if $signal ne 'STOP';
    select undef, undef, undef, $hold;
    kill 'CONT', @hit;
    exit;
}
