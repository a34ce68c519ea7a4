# download.pl ADDRESS PORT PATH KILOBYTES_PER_SECOND: download slowly. Prints
# "started" when the first bytes have come; on SIGUSR1 takes the rest as fast as it
# comes and prints how long it was, with its SHA-256, or where it broke off; then
# ends.
use strict;
use warnings;
use Digest::SHA;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);

my ($address, $port, $path, $rate) = @ARGV;
$| = 1;
my $hurry;
$SIG{USR1} = sub { $hurry = 1 };
my $s = IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port, Timeout => 25)
    or die "cannot connect to $address:$port: $@\n";
print $s "GET $path HTTP/1.0\r\nHost: $address\r\n\r\n";
my ($sha, $got, $begin) = (Digest::SHA->new(256), 0, time);
my $head = '';
while (index($head, "\r\n\r\n") < 0) {
    sysread($s, $head, 4096, length $head) or die "no answer: $!\n";
}
my ($wanted) = $head =~ /^Content-Length: (\d+)\r$/m or die "$head\n";
$sha->add(substr $head, 4 + index($head, "\r\n\r\n"));
$got = length($head) - 4 - index($head, "\r\n\r\n");
print "started\n";
while ($got < $wanted) {
    unless ($hurry) {
        my $due = (time - $begin) * $rate * 1024;
        if ($got >= $due) { sleep 0.1; next }
    }
    # Whoever is cut off hears nothing more: the director drops what it sends.
    vec(my $ready = '', fileno $s, 1) = 1;
    my $heard = select $ready, undef, undef, 15;
    next if $heard < 0; # the signal
    print("cut off after $got of $wanted bytes\n"), exit unless $heard;
    my $n = sysread $s, my $part, $hurry ? 1 << 20 : 16384;
    print("broken off after $got of $wanted bytes: ", $! || "end of file", "\n"), exit unless $n;
    $sha->add($part);
    $got += $n;
}
print "$got bytes, sha256 ", $sha->hexdigest, "\n";
