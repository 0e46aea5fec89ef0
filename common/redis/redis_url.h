/* redis://[user:password@]host[:port][/db] in parts. */
#pragma once

#include "common/base/err.h"

struct redisurl {
	char *user; /* "" when absent */
	char *password;
	char *host;
	int port;
	int db;
};

/* On success the strings are owned: redisurl_free. */
struct err redisurl_parse(const char *url, struct redisurl *out);
void redisurl_free(struct redisurl *u);
