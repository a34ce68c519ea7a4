# hold.pl ADDRESS PORT COUNT [SOURCE]: open COUNT connections one after the
# other and keep them. Prints the local port of each, then "held". On SIGUSR1
# asks for / over each of them and prints the last line of each answer, in
# order; then ends.
use strict;
use warnings;
use IO::Socket::INET;

my ($address, $port, $count, $source) = @ARGV;
$| = 1;
my $go;
$SIG{USR1} = sub { $go = 1 };
my @held;
for (1 .. $count) {
    my $s = IO::Socket::INET->new(
        PeerAddr => $address, PeerPort => $port, Timeout => 5,
        $source ? (LocalAddr => $source) : (),
    ) or die "connection $_ to $address:$port: $@\n";
    print $s->sockport, "\n";
    push @held, $s;
}
print "held\n";
select undef, undef, undef, 0.1 until $go;
for my $s (@held) {
    print $s "GET / HTTP/1.0\r\n\r\n";
    my @lines = <$s>;
    print @lines ? $lines[-1] : "no answer\n";
    $s->close;
}
print "done\n";
