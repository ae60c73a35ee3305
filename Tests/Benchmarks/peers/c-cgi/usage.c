/* GET /api/usage-report as a CGI program in C, the way one would write it for speed: verify the caller's token, ask the
 * database once, print JSON. It links what callwaiting links, libpq and libcurl (whose OpenSSL does the HMAC), since
 * loading those is most of what a start costs.
 *
 *   cc -O2 -o usage usage.c -I"$(pg_config --includedir)" -lpq -lcurl -lcrypto
 *
 * Reads DATABASE_URL, SUPABASE_JWT_SECRET and the CGI variables of RFC 3875. */
#include <curl/curl.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { longest_token = 8192 };

static int fail(const char *status, const char *code) {
    printf("Status: %s\r\nContent-Type: application/problem+json\r\n\r\n{\"code\":\"%s\"}\n", status, code);
    return 0;
}

/* Decodes base64url without padding. Returns the length, or -1. */
static int decode(const char *text, size_t length, unsigned char *out) {
    unsigned bits = 0, count = 0;
    int written = 0;
    for (size_t i = 0; i < length; i++) {
        int c = text[i], value;
        if (c >= 'A' && c <= 'Z') value = c - 'A';
        else if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
        else if (c >= '0' && c <= '9') value = c - '0' + 52;
        else if (c == '-') value = 62;
        else if (c == '_') value = 63;
        else return -1;
        bits = bits << 6 | (unsigned)value;
        if ((count += 6) >= 8) out[written++] = (unsigned char)(bits >> (count -= 8));
    }
    return written;
}

/* Verifies an HS256 token and copies its claims, a JSON object. */
static int verify(const char *token, const char *secret, char *claims) {
    const char *payload = strchr(token, '.'), *signature = payload ? strchr(payload + 1, '.') : NULL;
    unsigned char given[longest_token], computed[EVP_MAX_MD_SIZE];
    unsigned computed_length = 0;
    if (!signature || strlen(token) >= longest_token) return 0;
    int given_length = decode(signature + 1, strlen(signature + 1), given);
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)token, (size_t)(signature - token), computed,
         &computed_length);
    if (given_length != (int)computed_length || CRYPTO_memcmp(given, computed, computed_length)) return 0;
    int length = decode(payload + 1, (size_t)(signature - payload - 1), (unsigned char *)claims);
    if (length < 0) return 0;
    claims[length] = 0;
    const char *expiry = strstr(claims, "\"exp\":");
    return expiry && atol(expiry + 6) > time(NULL);
}

/* The fields of the one row of private.usage_report, by name. */
static long number(PGresult *row, const char *name) { return atol(PQgetvalue(row, 0, PQfnumber(row, name))); }

int main(void) {
    char claims[longest_token];
    const char *authorization = getenv("HTTP_AUTHORIZATION"), *secret = getenv("SUPABASE_JWT_SECRET");
    if (!authorization || !secret || strncmp(authorization, "Bearer ", 7) || !verify(authorization + 7, secret, claims))
        return fail("401 Unauthorized", "unauthorized");
    if (!curl_version()) return fail("500 Internal Server Error", "internal");

    PGconn *connection = PQconnectdb(getenv("DATABASE_URL"));
    if (PQstatus(connection) != CONNECTION_OK || !PQenterPipelineMode(connection))
        return fail("503 Service Unavailable", "database_unavailable");
    const char *parameters[] = {claims}, *none[] = {NULL};
    PQsendQueryParams(connection, "select set_config('role', 'authenticated', true)", 0, NULL, NULL, NULL, NULL, 0);
    PQsendQueryParams(connection, "select set_config('request.jwt.claims', $1, true)", 1, NULL, parameters, NULL, NULL, 0);
    PQsendQueryParams(connection, "select * from private.usage_report($1::uuid)", 1, NULL, none, NULL, NULL, 0);
    PQpipelineSync(connection);
    PGresult *row = NULL;
    for (int statement = 0; statement < 3; statement++) {
        PGresult *result = PQgetResult(connection);
        if (PQresultStatus(result) != PGRES_TUPLES_OK) return fail("503 Service Unavailable", "database_unavailable");
        if (statement == 2) row = result;
        PQclear(PQgetResult(connection));
    }
    if (PQresultStatus(PQgetResult(connection)) != PGRES_PIPELINE_SYNC)
        return fail("503 Service Unavailable", "database_unavailable");
    if (strcmp(PQgetvalue(row, 0, PQfnumber(row, "outcome")), "ok")) return fail("403 Forbidden", "forbidden");

    long quota = number(row, "minutes_quota"), used = number(row, "seconds_used"), reserved = number(row, "seconds_reserved");
    long minutes = (used + 59) / 60;
    printf("Status: 200 OK\r\nContent-Type: application/json\r\n\r\n"
           "{\"minutesUsed\":%ld,\"minutesQuota\":%ld,\"remaining\":%ld,\"plan\":\"%s\",\"secondsUsed\":%ld,"
           "\"secondsReserved\":%ld,\"secondsRemaining\":%ld}\n",
           minutes, quota, quota > minutes ? quota - minutes : 0, PQgetvalue(row, 0, PQfnumber(row, "plan")), used,
           reserved, 60 * quota - used - reserved);
    PQfinish(connection);
    return 0;
}
