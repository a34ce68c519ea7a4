# watch-arp.pl IFACE OWN-ADDRESS ADDRESS: ask the link ten times a second who
# has ADDRESS. Prints "asking", each hardware address the first time that it
# answers, and after SIGTERM how often each did. ARP packets are laid out in
# RFC 826.
use strict;
use warnings;
use Socket qw(inet_aton SOCK_DGRAM);

my ($iface, $own, $address) = @ARGV;
my ($AF_PACKET, $ETH_P_ARP) = (17, 0x0806);
open my $f, '<', "/sys/class/net/$iface/ifindex" or die "$iface: $!";
chomp(my $index = <$f>);
open $f, '<', "/sys/class/net/$iface/address" or die "$iface: $!";
chomp(my $mac = <$f>);
$mac = pack 'H*', $mac =~ s/://gr;

socket my $s, $AF_PACKET, SOCK_DGRAM, unpack('S', pack 'n', $ETH_P_ARP) or die "socket: $!";
my $to = sub { pack 'S n i S C C a8', $AF_PACKET, $ETH_P_ARP, $index, 0, 0, 6, shift };
bind $s, $to->('') or die "bind: $!";
my $question = pack('n n C C n', 1, 0x0800, 6, 4, 1) . $mac . inet_aton($own) . "\0" x 6 . inet_aton($address);

$| = 1;
print "asking\n";
my (%seen, $end);
$SIG{TERM} = sub { $end = 1 };
until ($end) {
    send $s, $question, 0, $to->("\xff" x 6);
    my $ready = '';
    vec($ready, fileno $s, 1) = 1;
    while (select(my $r = $ready, undef, undef, 0.1) > 0) {
        last unless defined recv $s, my $p, 64, 0;
        my ($op, $sender, $ip) = (unpack('x6 n a6 a4', $p));
        next unless $op == 2 && $ip eq inet_aton($address);
        my $who = join ':', unpack '(H2)6', $sender;
        print "seen $who\n" unless $seen{$who}++;
    }
}
print "total $_ $seen{$_}\n" for sort keys %seen;
print "done\n";
