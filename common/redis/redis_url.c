#include "common/redis/redis_url.h"

#include "common/base/mem.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct err bad(const char *what)
{
	return err_make(ERR_KIND_FATAL, "config",
	    "setting 'redis.url': %s; allowed: "
	    "redis://[user:password@]host[:port][/db], or rediss://… for TLS",
	    what);
}

static bool redis_url_number(const char *s, int max, int *out)
{
	char *end;
	long n = strtol(s, &end, 10);
	*out = (int)n;
	return *s >= '0' && *s <= '9' && *end == '\0' && n <= max;
}

static void split_auth(struct redis_url *u, const char *s, size_t len)
{
	const char *colon = memchr(s, ':', len);
	size_t user = colon ? (size_t)(colon - s) : len;
	u->user = mem_strndup(s, user);
	u->password =
	    colon ? mem_strndup(colon + 1, len - user - 1) : mem_strdup("");
}

struct err redis_url_parse(const char *url, struct redis_url *out)
{
	*out = (struct redis_url){.port = 6379};
	bool tls = strncmp(url, "rediss://", 9) == 0;
	if (!tls && strncmp(url, "redis://", 8) != 0)
		return bad("does not begin with redis:// or rediss://");
	const char *s = url + (tls ? 9 : 8);
	const char *at = strrchr(s, '@');
	struct redis_url u = {.port = 6379, .tls = tls};
	size_t host_len = strcspn(at ? at + 1 : s, ":/");
	const char *host = at ? at + 1 : s;
	const char *rest = host + host_len;
	if (host_len == 0)
		return bad("has no host");
	char port[16] = "6379";
	if (*rest == ':') {
		size_t n = strcspn(rest + 1, "/");
		if (n >= sizeof port)
			return bad("has a bad port");
		memcpy(port, rest + 1, n);
		port[n] = '\0';
		rest += 1 + n;
	}
	if (!redis_url_number(port, 65535, &u.port) || u.port == 0)
		return bad("has a bad port");
	if (*rest == '/' && rest[1] &&
	    !redis_url_number(rest + 1, 65535, &u.db))
		return bad("has a bad database number");
	split_auth(&u, at ? s : "", at ? (size_t)(at - s) : 0);
	u.host = mem_strndup(host, host_len);
	*out = u;
	return ERR_OK;
}

void redis_url_free(struct redis_url *u)
{
	free(u->user);
	free(u->password);
	free(u->host);
	*u = (struct redis_url){0};
}
