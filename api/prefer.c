#include "api/prefer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is(const char *s, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(s, name, len) == 0;
}

static void set_wait(const char *s, size_t len, struct prefer *out)
{
	const char *digits = s + strlen("wait=");
	if (out->has_wait || len <= strlen("wait=") || *digits < '0' ||
	    *digits > '9')
		return;
	long seconds = strtol(digits, NULL, 10);
	if (seconds > PREFER_WAIT_MAX_S)
		seconds = PREFER_WAIT_MAX_S;
	out->has_wait = true;
	out->wait = CLOCK_S(seconds);
}

static void one(const char *s, size_t len, struct prefer *out)
{
	if (len > 5 && strncasecmp(s, "wait=", 5) == 0)
		set_wait(s, len, out);
	else if (is(s, len, "respond-async"))
		out->respond_async = true;
	else if (is(s, len, "return=minimal"))
		out->return_minimal = true;
}

void prefer_parse(const char *header, struct prefer *out)
{
	for (const char *s = header; *s;) {
		s += strspn(s, ", \t");
		size_t whole = strcspn(s, ",");
		size_t len = strcspn(s, ",; \t");
		one(s, len, out);
		s += whole;
	}
}

bool etag_listed(const char *header, const char *etag)
{
	for (const char *s = header; *s;) {
		s += strspn(s, ", \t");
		if (*s == '*')
			return true;
		if (s[0] == 'W' && s[1] == '/')
			s += 2;
		size_t len = strcspn(s, ", \t");
		if (len && len == strlen(etag) && memcmp(s, etag, len) == 0)
			return true;
		s += len;
	}
	return false;
}
