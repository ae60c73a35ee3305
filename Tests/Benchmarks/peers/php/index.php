<?php
// php-fpm and PDO with a persistent connection: the plain answer and the usage report.
declare(strict_types=1);

function answer(array $body, int $status = 200): never
{
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($body);
    exit;
}

function decoded(string $base64url): string
{
    return (string) base64_decode(strtr($base64url, '-_', '+/'), true);
}

// HS256 alone, so a dozen lines rather than a package. Returns null for a token that is not good.
function claims(string $authorization, string $secret): ?array
{
    if (!preg_match('/^Bearer ([^.]+)\.([^.]+)\.([^.]+)$/i', $authorization, $parts)) {
        return null;
    }
    [, $header, $payload, $signature] = $parts;
    if (!hash_equals(hash_hmac('sha256', "$header.$payload", $secret, true), decoded($signature))) {
        return null;
    }
    $claims = json_decode(decoded($payload), true);
    $good = json_decode(decoded($header))->alg === 'HS256'
        && $claims['exp'] > time() && $claims['aud'] === 'authenticated';
    return $good ? $claims : null;
}

function usage_report(array $claims): array
{
    $database = new PDO(getenv('PDO_DSN'), getenv('PGUSER'), null, [
        PDO::ATTR_PERSISTENT => true,
        // One round trip a statement instead of three: nothing is prepared that is run once.
        PDO::PGSQL_ATTR_DISABLE_PREPARES => true,
    ]);
    $database->beginTransaction();
    $database->prepare("select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ?, true)")
        ->execute([json_encode(['sub' => $claims['sub'], 'role' => 'authenticated'])]);
    $row = $database->query('select * from private.usage_report(null)')->fetch(PDO::FETCH_ASSOC);
    $database->commit();
    return $row;
}

if ($_SERVER['SCRIPT_NAME'] === '/healthz') {
    answer(['status' => 'ok']);
}

$claims = claims($_SERVER['HTTP_AUTHORIZATION'] ?? '', getenv('SUPABASE_JWT_SECRET'));
if ($claims === null) {
    answer(['code' => 'unauthorized'], 401);
}
$row = usage_report($claims);
if ($row['outcome'] !== 'ok') {
    answer(['code' => 'forbidden'], 403);
}
$minutes = intdiv($row['seconds_used'] + 59, 60);
$report = [
    'minutesUsed' => $minutes,
    'minutesQuota' => $row['minutes_quota'],
    'remaining' => max(0, $row['minutes_quota'] - $minutes),
    'plan' => $row['plan'],
    'secondsUsed' => $row['seconds_used'],
    'secondsReserved' => $row['seconds_reserved'],
    'secondsRemaining' => 60 * $row['minutes_quota'] - $row['seconds_used'] - $row['seconds_reserved'],
];
if ($row['period_end'] !== null) {
    $report['periodEnd'] = $row['period_end'];
}
answer($report);
