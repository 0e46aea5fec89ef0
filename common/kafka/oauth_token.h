/* A token for SASL/OAUTHBEARER (RFC 7628), read from a file.
 *
 * Whoever issues tokens, a sidecar or Kubernetes, replaces the file. librdkafka
 * asks for a token when a client starts, and again when four fifths of the
 * token's life are over. Then the file is read.
 */
#pragma once

#include "common/base/clock.h"
#include "common/base/err.h"

#include <librdkafka/rdkafka.h>

struct oauth_token {
	wall_us_t until;     /* it expires */
	char principal[128]; /* whose it is; for librdkafka's log */
};

/* Reads the claims `exp` and `sub` if it is a JWT (RFC 7519); it is the broker
 * who verifies it. Another token counts for five minutes. FATAL: it has
 * expired, or has bytes that no token has. */
struct err oauth_token_parse(
    const char *token, wall_us_t now, struct oauth_token *out);
/* Makes clients of this conf read the file. It must stay the conf's. */
struct err oauth_token_use(rd_kafka_conf_t *conf, const char *path);
