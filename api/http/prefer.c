#include "api/http/prefer.h"

#include "api/http/header_list.h"

#include <stddef.h>
#include <string.h>

static void prefer_set_wait(struct header_list_word value, struct prefer *out)
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

static void one(const struct header_list_item *item, struct prefer *out)
{
	struct header_list_word name = item->name, value = item->value;
	if (header_list_is(name, "wait")) {
		prefer_set_wait(value, out);
	} else if (header_list_is(name, "respond-async")) {
		out->respond_async = out->respond_async || value.len == 0;
	} else if (header_list_is(name, "return") && !out->has_return) {
		out->has_return = true;
		out->return_minimal = header_list_is(value, "minimal");
		out->return_representation =
		    header_list_is(value, "representation");
	} else if (header_list_is(name, "count") && !out->has_count) {
		out->has_count = true;
		out->count_exact = header_list_is(value, "exact");
	}
}

void prefer_parse(const char *header, struct prefer *out)
{
	struct header_list_item item;
	while (header_list_next(&header, &item))
		one(&item, out);
}

static void prefer_add(struct buf *out, const char *applied)
{
	buf_printf(out, "%s%s", out->len ? ", " : "", applied);
}

void prefer_applied(
    const struct prefer *p, enum prefer_body body, struct buf *out)
{
	if (p->respond_async)
		prefer_add(out, "respond-async");
	else if (p->has_wait)
		buf_printf(out, "wait=%d", (int)(p->wait / CLOCK_S(1)));
	if (body == PREFER_NOTHING && p->return_minimal)
		prefer_add(out, "return=minimal");
	if (body == PREFER_DOCUMENT)
		prefer_add(out, "return=representation");
}

/* The length of a tag: `"…"`, which may contain anything but a quote, or any
 * other text up to a comma. */
static size_t tag_len(const char *s)
{
	const char *close = *s == '"' ? strchr(s + 1, '"') : NULL;
	return close ? (size_t)(close - s) + 1 : strcspn(s, ", \t");
}

bool etag_listed(const char *header, const char *etag, bool strong)
{
	for (const char *s = header; *s;) {
		s += strspn(s, ", \t");
		if (*s == '*')
			return true;
		bool weak = s[0] == 'W' && s[1] == '/';
		if (weak)
			s += 2;
		size_t len = tag_len(s);
		if (len && len == strlen(etag) && memcmp(s, etag, len) == 0 &&
		    !(strong && weak))
			return true;
		s += len;
	}
	return false;
}
