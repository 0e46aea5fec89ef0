#include "common/json/jsonwalk.h"

#include "common/base/ascii_scan.h"

#include <string.h>

/* Blanks, commas and colons. */
static bool is_between(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' ||
	       c == ':';
}

static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end; p += 2) { /* skips a backslash and what it escapes */
		p += ascii_scan_plain(p, (size_t)(end - p));
		if (p < end && *p == '"')
			return p + 1;
	}
	return end;
}

static const char *word_end(const char *p, const char *end)
{
	while (p < end && !is_between(*p) && *p != ']' && *p != '}')
		p++;
	return p;
}

static enum jsonwalk_token token_of(struct jsonwalk *w, const char **end)
{
	*end = w->at + 1;
	switch (*w->at) {
	case '{':
		return JSONWALK_OBJECT;
	case '[':
		return JSONWALK_ARRAY;
	case '}':
	case ']':
		return JSONWALK_CLOSE;
	case '"':
		*end = string_end(w->at, w->end);
		return JSONWALK_STRING;
	default:
		*end = word_end(w->at, w->end);
		return *w->at <= '9' ? JSONWALK_NUMBER : JSONWALK_WORD;
	}
}

/* Only a name is followed by a colon. */
static bool is_name(const char *p, const char *end)
{
	while (p < end && is_between(*p) && *p != ':' && *p != ',')
		p++;
	return p < end && *p == ':';
}

enum jsonwalk_token jsonwalk_next(struct jsonwalk *w)
{
	const char *end;
	while (w->at < w->end && is_between(*w->at))
		w->at++;
	if (w->at == w->end)
		return JSONWALK_END;
	enum jsonwalk_token t = token_of(w, &end);
	w->token = (struct jsonslice){w->at, (size_t)(end - w->at)};
	w->at = end;
	if (t == JSONWALK_STRING && is_name(end, w->end))
		t = JSONWALK_NAME;
	return t;
}
