#include "api/http/cors.h"

#include "common/http/origin_check.h"

#include <ctype.h>
#include <string.h>

#define ANY "*"
#define MAX_AGE_S "600"
/* What the routes take. */
#define TAKEN                                                                  \
	"Accept, Authorization, Cache-Control, Content-Type, "                 \
	"Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, "    \
	"Sluice-Read-After, traceparent, tracestate, X-API-Key, "              \
	"X-Request-Id"
/* What a page may read of an answer. */
#define EXPOSED                                                                \
	"Allow, Cache-Status, Content-Location, Content-Range, ETag, "         \
	"Idempotency-Replayed, Link, Location, Preference-Applied, "           \
	"RateLimit, RateLimit-Policy, Retry-After, Server-Timing, "            \
	"Sluice-As-Of, Sluice-Position, WWW-Authenticate, X-Request-Id"

/* --- the setting --------------------------------------------------------- */

static size_t cors_scheme(const char *s, size_t len)
{
	static const char *const schemes[] = {"http://", "https://"};
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
		size_t n = strlen(schemes[i]);
		if (len > n && strncmp(s, schemes[i], n) == 0)
			return n;
	}
	return 0;
}

/* As browsers send it: in small letters, without a path. */
static bool cors_is_origin(const char *s, size_t len)
{
	size_t i = cors_scheme(s, len), from = i;
	if (i == 0)
		return false;
	if (s[i] == '[') {
		while (i < len && s[i] != ']')
			i++;
		i++;
	} else {
		while (i < len &&
		       (islower((unsigned char)s[i]) ||
			   isdigit((unsigned char)s[i]) || strchr(".-_", s[i])))
			i++;
	}
	if (i > len || i == from)
		return false;
	if (i == len)
		return true;
	size_t digits = i + 1;
	while (digits < len && isdigit((unsigned char)s[digits]))
		digits++;
	return s[i] == ':' && digits > i + 1 && digits == len;
}

bool cors_check(const char *origins)
{
	if (strcmp(origins, ANY) == 0)
		return true;
	for (const char *s = origins; *(s += strspn(s, ", "));) {
		size_t n = strcspn(s, ", ");
		if (!cors_is_origin(s, n))
			return false;
		s += n;
	}
	return true;
}

/* --- headers ------------------------------------------------------------- */

static bool cors_is_any(const char *origins)
{
	return strcmp(origins, ANY) == 0;
}

static bool cors_names(const char *origins, const char *origin)
{
	return origin && origin_check_lists(origins, origin);
}

static void cors_add(
    struct cors_header *out, size_t *n, const char *name, const char *value)
{
	out[(*n)++] = (struct cors_header){name, value};
}

size_t cors_always(const char *origins, struct cors_header out[CORS_HEADERS])
{
	size_t n = 0;
	if (*origins == '\0')
		return 0;
	if (!cors_is_any(origins)) {
		cors_add(out, &n, "Vary", "Origin");
		return n;
	}
	cors_add(out, &n, "Access-Control-Allow-Origin", ANY);
	cors_add(out, &n, "Access-Control-Expose-Headers", EXPOSED);
	return n;
}

size_t cors_for(const char *origins, const char *origin,
    struct cors_header out[CORS_HEADERS])
{
	size_t n = 0;
	if (!cors_names(origins, origin) || cors_is_any(origins))
		return 0;
	cors_add(out, &n, "Access-Control-Allow-Origin", origin);
	cors_add(out, &n, "Access-Control-Allow-Credentials", "true");
	cors_add(out, &n, "Access-Control-Expose-Headers", EXPOSED);
	return n;
}

size_t cors_preflight(const char *origins, const char *origin,
    const char *methods, struct cors_header out[CORS_HEADERS])
{
	size_t n = 0;
	if (!cors_is_any(origins) && !cors_names(origins, origin))
		return 0;
	cors_add(out, &n, "Access-Control-Allow-Methods", methods);
	cors_add(out, &n, "Access-Control-Allow-Headers", TAKEN);
	cors_add(out, &n, "Access-Control-Max-Age", MAX_AGE_S);
	return n;
}

bool cors_shares(const char *origins, const char *origin)
{
	return origin == NULL || !cors_names(origins, origin) ||
	       cors_is_any(origins);
}
