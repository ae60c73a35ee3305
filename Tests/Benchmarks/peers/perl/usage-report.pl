#!/usr/bin/perl
# Perl and DBI as a CGI program: the usage report.
use strict;
use warnings;

use DBI;
use Digest::SHA qw(hmac_sha256);
use JSON::PP;
use MIME::Base64 qw(decode_base64url);

my $json = JSON::PP->new;

sub answer {
    my ($status, $body) = @_;
    print "Status: $status\r\nContent-Type: application/json\r\n\r\n", $body;
    exit;
}

# HS256 alone, so a dozen lines rather than a package. Returns nothing for a token that is not good.
sub claims {
    my ($authorization) = @_;
    my ($header, $payload, $signature) = $authorization =~ /^Bearer ([^.]+)\.([^.]+)\.([^.]+)$/i or return;
    my $expected = hmac_sha256("$header.$payload", $ENV{SUPABASE_JWT_SECRET});
    return if $expected ne decode_base64url($signature);
    my $claims = $json->decode(decode_base64url($payload));
    return if $json->decode(decode_base64url($header))->{alg} ne 'HS256';
    return if $claims->{exp} <= time || $claims->{aud} ne 'authenticated';
    return $claims;
}

my $claims = claims($ENV{HTTP_AUTHORIZATION} // '') or answer(401, '{"code":"unauthorized"}');

my $database = DBI->connect("dbi:Pg:dbname=$ENV{PGDATABASE};host=$ENV{PGHOST}", $ENV{PGUSER}, '',
    { RaiseError => 1, AutoCommit => 0, pg_server_prepare => 0 });
$database->do("select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ?, true)",
    undef, $json->encode({ sub => $claims->{sub}, role => 'authenticated' }));
my $row = $database->selectrow_hashref('select * from private.usage_report(null)');
$database->commit;
$database->disconnect;

answer(403, '{"code":"forbidden"}') if $row->{outcome} ne 'ok';

my ($quota, $used, $reserved) = map { int } @$row{qw(minutes_quota seconds_used seconds_reserved)};
my $minutes = int(($used + 59) / 60);
my $left = $quota - $minutes;
my %report = (
    minutesUsed => $minutes, minutesQuota => $quota, remaining => $left > 0 ? $left : 0, plan => $row->{plan},
    secondsUsed => $used, secondsReserved => $reserved, secondsRemaining => 60 * $quota - $used - $reserved,
);
$report{periodEnd} = $row->{period_end} if defined $row->{period_end};
answer(200, $json->encode(\%report));
