/* redis://[user:password@]host[:port][/db] in parts; rediss:// is the same with
 * TLS. */
#pragma once

#include "common/base/err.h"

#include <stdbool.h>

struct redis_url {
	char *user; /* "" when absent */
	char *password;
	char *host;
	int port;
	int db;
	bool tls;
};

/* On success the strings are owned: redis_url_free. */
struct err redis_url_parse(const char *url, struct redis_url *out);
void redis_url_free(struct redis_url *u);
