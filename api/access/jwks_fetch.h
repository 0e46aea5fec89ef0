/* Fetches a key set over HTTPS, by libcurl. One thread uses it; only
 * jwks_fetch_wake is for any thread.
 *
 * libcurl with OpenSSL (Debian's libcurl4-openssl-dev): the connections to
 * Postgres and Kafka verify certificates by OpenSSL, too, and the signatures of
 * tokens are verified by it. GnuTLS serves the listeners only.
 */
#pragma once

#include "api/access/jwks_url.h"
#include "common/base/buf.h"
#include "common/base/clock.h"

struct jwks_fetch;

struct jwks_fetch *jwks_fetch_new(
    const char *url, enum jwks_place place, const char *ca, dur_us_t timeout);
void jwks_fetch_free(struct jwks_fetch **f);

/* Waits, at most `most`, for jwks_fetch_wake. */
void jwks_fetch_sleep(struct jwks_fetch *f, dur_us_t most);
void jwks_fetch_wake(struct jwks_fetch *f);
/* Appends the body of a 200. The error (RETRY) says why there is none: also if
 * `ends` becomes true, which is asked after each jwks_fetch_wake. */
struct err jwks_fetch_get(
    struct jwks_fetch *f, struct buf *body, bool (*ends)(void *arg), void *arg);
