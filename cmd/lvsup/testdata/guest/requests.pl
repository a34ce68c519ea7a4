# requests.pl ADDRESS PORT PER_SECOND LEAST TEXT: ask for / again and again, each
# time on a connection of its own, and LEAST times in any case. A request has
# failed unless the answer is whole, has status 200 and holds TEXT. It has time: on a
# busy machine a guest can stand still for ten seconds. Prints
# "started", each failure with its time, and each request that took as long as if
# a packet had to be sent again; on SIGUSR1 what it counted. Then ends.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time sleep);

my ($address, $port, $rate, $least, $text) = @ARGV;
$| = 1;
my $stop;
$SIG{USR1} = sub { $stop = 1 };
$SIG{PIPE} = 'IGNORE';
my $patience = 25;
my ($begin, $asked, $failed, $slowest) = (time, 0, 0, 0);
print "started\n";
my $signal = POSIX::SigSet->new(POSIX::SIGUSR1);
until ($stop && $asked >= $least) {
    my $at = time;
    # A signal would end a connect(2) that waits.
    POSIX::sigprocmask(POSIX::SIG_BLOCK, $signal);
    my $why = request();
    POSIX::sigprocmask(POSIX::SIG_UNBLOCK, $signal);
    $asked++;
    if ($why) {
        $failed++;
        printf "%.1f s: request %d failed after %.2f s: %s\n", $at - $begin, $asked, time - $at, $why;
    }
    my $took = time - $at;
    $slowest = $took if $took > $slowest;
    printf "%.1f s: request %d took %.2f s\n", $at - $begin, $asked, $took if $took > 0.9 && !$why;
    my $next = $begin + $asked / $rate - time;
    sleep $next if $next > 0;
}
printf "%d requests, %d failed, the slowest took %.2f s\n", $asked, $failed, $slowest;

# request gives the cause of a failure, or nothing.
sub request {
    my $s = IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port, Timeout => $patience)
        or return "cannot connect: $@";
    my $local = $s->sockport;
    print $s "GET / HTTP/1.0\r\nHost: $address\r\n\r\n" or return "from port $local: cannot send: $!";
    my ($answer, $end) = ('', time + $patience);
    while ((my $left = $end - time) > 0) {
        vec(my $ready = '', fileno $s, 1) = 1;
        next unless select($ready, undef, undef, $left) > 0;
        my $n = sysread $s, $answer, 65536, length $answer;
        return "from port $local: cannot read: $!" unless defined $n;
        next if $n;
        my ($length) = $answer =~ /^Content-Length: (\d+)\r$/m;
        my ($body) = $answer =~ /\r\n\r\n(.*)/s;
        return if $answer =~ m{^HTTP/1\.\d 200 } && index($body, $text) >= 0 && length $body == $length;
        return "from port $local: wrong answer: " . ($answer =~ s/\r\n.*//sr || "nothing");
    }
    return "from port $local: no answer in time";
}
