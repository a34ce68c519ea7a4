# watch-order.pl ADDRESS: watch the ARP sysctls and whether ADDRESS is on this
# host. Prints "arp_ignore arp_announce present|absent" whenever that changes.
# The address is looked at first: if it is there, the sysctls must be set.
use strict;
use warnings;

sub content {
    open my $f, '<', shift or return '';
    local $/;
    return scalar <$f>;
}

$| = 1;
my ($before, $end) = ('');
$SIG{TERM} = sub { $end = 1 };
until ($end) {
    my $there = content('/proc/net/fib_trie') =~ /-- \Q$ARGV[0]\E\n\s+\/32 host LOCAL/ ? 'present' : 'absent';
    my $now = content('/proc/sys/net/ipv4/conf/all/arp_ignore') . ' ' . content('/proc/sys/net/ipv4/conf/all/arp_announce') . " $there";
    $now =~ s/\n//g;
    print "$now\n" unless $now eq $before;
    $before = $now;
    select undef, undef, undef, 0.002;
}
