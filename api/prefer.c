#include "api/prefer.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

struct word {
	const char *s;
	size_t len;
};

static bool is(struct word w, const char *name)
{
	return strlen(name) == w.len && strncasecmp(w.s, name, w.len) == 0;
}

/* Past the quoted string that begins here. */
static const char *skip_quoted(const char *s)
{
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
	}
	return *s ? s + 1 : s;
}

/* The comma that ends this preference, or the end. */
static const char *skip_one(const char *s)
{
	while (*s && *s != ',')
		s = *s == '"' ? skip_quoted(s) : s + 1;
	return s;
}

/* A token, or what a quoted string holds (no value here needs an escape). */
static struct word take_word(const char **at)
{
	const char *s = *at;
	if (*s != '"') {
		size_t len = strcspn(s, " \t,;=\"");
		*at += len;
		return (struct word){s, len};
	}
	*at = skip_quoted(s);
	return (struct word){s + 1, strcspn(s + 1, "\"")};
}

static void set_wait(struct word value, struct prefer *out)
{
	long seconds = 0;
	for (size_t i = 0; i < value.len; i++) {
		if (value.s[i] < '0' || value.s[i] > '9')
			return;
		seconds = seconds * 10 + (value.s[i] - '0');
		if (seconds > PREFER_WAIT_MAX_S)
			seconds = PREFER_WAIT_MAX_S;
	}
	if (value.len == 0 || out->has_wait)
		return;
	out->has_wait = true;
	out->wait = CLOCK_S(seconds);
}

/* token [= word]; its parameters, after a semicolon, mean nothing to us. */
static void one(const char *s, struct prefer *out)
{
	struct word name = take_word(&s), value = {"", 0};
	s += strspn(s, " \t");
	if (*s == '=') {
		s++;
		s += strspn(s, " \t");
		value = take_word(&s);
	}
	if (is(name, "wait")) {
		set_wait(value, out);
	} else if (is(name, "respond-async")) {
		out->respond_async = out->respond_async || value.len == 0;
	} else if (is(name, "return") && !out->has_return) {
		out->has_return = true;
		out->return_minimal = is(value, "minimal");
	}
}

void prefer_parse(const char *header, struct prefer *out)
{
	for (const char *s = header; *s; s = skip_one(s)) {
		s += strspn(s, ", \t");
		one(s, out);
	}
}

/* `"…"`, which may hold anything but a quote, or what a stranger sent. */
static size_t tag_len(const char *s)
{
	const char *close = *s == '"' ? strchr(s + 1, '"') : NULL;
	return close ? (size_t)(close - s) + 1 : strcspn(s, ", \t");
}

bool etag_listed(const char *header, const char *etag)
{
	for (const char *s = header; *s;) {
		s += strspn(s, ", \t");
		if (*s == '*')
			return true;
		if (s[0] == 'W' && s[1] == '/')
			s += 2;
		size_t len = tag_len(s);
		if (len && len == strlen(etag) && memcmp(s, etag, len) == 0)
			return true;
		s += len;
	}
	return false;
}
