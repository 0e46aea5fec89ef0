#include "common/json/jsonslice.h"

#include "common/base/ascii_scan.h"
#include "common/base/check.h"
#include "common/base/utf8.h"
#include "common/json/jsonstring.h"

#include <stdint.h>
#include <string.h>

struct scan {
	const char *p, *end;
	const char *what; /* the first fault, at p; NULL: none */
};

static bool jsonslice_fail(struct scan *s, const char *at, const char *what)
{
	if (s->what == NULL) {
		s->p = at;
		s->what = at < s->end ? what : "ends too early";
	}
	return false;
}

/* RFC 8259, 8.1: JSON that is sent must not begin with a byte order mark. */
static bool no_value(struct scan *s)
{
	static const char bom[] = "\xEF\xBB\xBF";
	size_t len = sizeof bom - 1;
	bool marked =
	    (size_t)(s->end - s->p) >= len && memcmp(s->p, bom, len) == 0;
	return jsonslice_fail(s, s->p,
	    marked ? "a byte order mark is here: send the JSON without it"
		   : "a value is expected");
}

static bool jsonslice_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool jsonslice_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && jsonslice_is_blank(*s->p))
		s->p++;
}

static bool jsonslice_take(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* --- strings and numbers ------------------------------------------------- */

/* s->p is after the backslash. */
static bool skip_escape(struct scan *s)
{
	const char *at = s->p - 1;
	char c = s->p < s->end ? *s->p++ : '\0';
	if (c == 'u') {
		if (jsonstring_point(&s->p, s->end) >= 0)
			return true;
		return jsonslice_fail(s, at,
		    "the escape is not a character, is half of a surrogate "
		    "pair, or is U+0000");
	}
	if (c != '\0' && strchr("\"\\/bfnrt", c))
		return true;
	return jsonslice_fail(s, at, "unknown escape");
}

static bool skip_string(struct scan *s)
{
	if (!jsonslice_take(s, '"'))
		return jsonslice_fail(s, s->p, "a string is expected");
	for (;;) {
		s->p += ascii_scan_plain(s->p, (size_t)(s->end - s->p));
		if (s->p == s->end)
			return jsonslice_fail(s, s->end, "");
		char c = *s->p++;
		if (c == '"')
			return true;
		if (c != '\\')
			return jsonslice_fail(
			    s, s->p - 1, "a control character must be escaped");
		if (!skip_escape(s))
			return false;
	}
}

static bool skip_digits(struct scan *s)
{
	const char *first = s->p;
	while (s->p < s->end && jsonslice_is_digit(*s->p))
		s->p++;
	return s->p > first || jsonslice_fail(s, s->p, "a digit is expected");
}

static bool skip_number(struct scan *s)
{
	if (!jsonslice_take(s, '-') &&
	    (s->p == s->end || !jsonslice_is_digit(*s->p)))
		return no_value(s);
	if (!jsonslice_take(s, '0') && !skip_digits(s))
		return false;
	if (jsonslice_take(s, '.') && !skip_digits(s))
		return false;
	if (!jsonslice_take(s, 'e') && !jsonslice_take(s, 'E'))
		return true;
	if (!jsonslice_take(s, '+'))
		jsonslice_take(s, '-');
	return skip_digits(s);
}

static bool skip_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
		return no_value(s);
	s->p += len;
	return true;
}

/* --- values -------------------------------------------------------------- */

static bool skip_value(struct scan *s, int depth);

static bool skip_members(struct scan *s, int depth)
{
	skip_blanks(s);
	if (jsonslice_take(s, '}'))
		return true;
	do {
		skip_blanks(s);
		if (!skip_string(s))
			return false;
		skip_blanks(s);
		if (!jsonslice_take(s, ':'))
			return jsonslice_fail(s, s->p, "a colon is expected");
		if (!skip_value(s, depth))
			return false;
	} while (jsonslice_take(s, ','));
	return jsonslice_take(s, '}') ||
	       jsonslice_fail(s, s->p, "a comma or } is expected");
}

static bool skip_elements(struct scan *s, int depth)
{
	skip_blanks(s);
	if (jsonslice_take(s, ']'))
		return true;
	do {
		if (!skip_value(s, depth))
			return false;
	} while (jsonslice_take(s, ','));
	return jsonslice_take(s, ']') ||
	       jsonslice_fail(s, s->p, "a comma or ] is expected");
}

static bool skip_bare(struct scan *s, int depth)
{
	if (s->p == s->end || depth > JSONSLICE_DEPTH)
		return jsonslice_fail(s, s->p, "is nested too deeply");
	switch (*s->p) {
	case '{':
		s->p++;
		return skip_members(s, depth + 1);
	case '[':
		s->p++;
		return skip_elements(s, depth + 1);
	case '"':
		return skip_string(s);
	case 't':
		return skip_word(s, "true");
	case 'f':
		return skip_word(s, "false");
	case 'n':
		return skip_word(s, "null");
	default:
		return skip_number(s);
	}
}

static bool skip_value(struct scan *s, int depth)
{
	skip_blanks(s);
	if (!skip_bare(s, depth))
		return false; /* p stays at the fault */
	skip_blanks(s);
	return true;
}

static bool scan(struct scan *s, struct jsonslice *out)
{
	skip_blanks(s);
	const char *first = s->p;
	if (!skip_bare(s, 0))
		return false;
	*out = (struct jsonslice){first, (size_t)(s->p - first)};
	skip_blanks(s);
	if (s->p < s->end)
		return jsonslice_fail(
		    s, s->p, "unexpected text after the value");
	size_t good = utf8_prefix(first, out->len);
	return good == out->len ||
	       jsonslice_fail(s, first + good, "is not UTF-8");
}

bool jsonslice_parse(const char *text, size_t len, struct jsonslice *out,
    struct jsonslice_fault *fault)
{
	struct scan s = {.p = text, .end = text + len};
	*out = (struct jsonslice){0};
	bool ok = scan(&s, out);
	if (ok)
		*fault = (struct jsonslice_fault){0};
	else
		*fault = (struct jsonslice_fault){(size_t)(s.p - text), s.what};
	return ok;
}

bool jsonslice_scan(const char *text, size_t len, struct jsonslice *out)
{
	struct jsonslice_fault ignored;
	return jsonslice_parse(text, len, out, &ignored);
}

enum jsonslice_kind jsonslice_kind(struct jsonslice v)
{
	CHECK(v.len > 0);
	switch (*v.s) {
	case '{':
		return JSONSLICE_OBJECT;
	case '[':
		return JSONSLICE_ARRAY;
	case '"':
		return JSONSLICE_STRING;
	case 't':
	case 'f':
		return JSONSLICE_BOOL;
	case 'n':
		return JSONSLICE_NULL;
	default:
		return JSONSLICE_NUMBER;
	}
}

/* --- members ------------------------------------------------------------- */

struct jsonslice_member jsonslice_members(struct jsonslice object)
{
	if (object.s == NULL)
		return (struct jsonslice_member){0};
	CHECK(jsonslice_kind(object) == JSONSLICE_OBJECT);
	return (struct jsonslice_member){
	    .at = object.s + 1, .end = object.s + object.len - 1};
}

bool jsonslice_next(struct jsonslice_member *m)
{
	struct scan s = {.p = m->at, .end = m->end};
	skip_blanks(&s);
	if (s.p == s.end)
		return false;
	jsonslice_take(&s, ',');
	skip_blanks(&s);
	const char *first = s.p;
	CHECK(skip_string(&s));
	m->name = (struct jsonslice){first, (size_t)(s.p - first)};
	skip_blanks(&s);
	CHECK(jsonslice_take(&s, ':'));
	skip_blanks(&s);
	first = s.p;
	CHECK(skip_bare(&s, 0));
	m->value = (struct jsonslice){first, (size_t)(s.p - first)};
	m->at = s.p;
	return true;
}

struct jsonslice_element jsonslice_elements(struct jsonslice array)
{
	CHECK(jsonslice_kind(array) == JSONSLICE_ARRAY);
	return (struct jsonslice_element){
	    .at = array.s + 1, .end = array.s + array.len - 1};
}

bool jsonslice_each(struct jsonslice_element *e)
{
	struct scan s = {.p = e->at, .end = e->end};
	skip_blanks(&s);
	if (s.p == s.end)
		return false;
	jsonslice_take(&s, ',');
	skip_blanks(&s);
	const char *first = s.p;
	CHECK(skip_bare(&s, 0));
	e->value = (struct jsonslice){first, (size_t)(s.p - first)};
	e->at = s.p;
	return true;
}

bool jsonslice_equals(struct jsonslice string, const char *want, size_t len)
{
	const char *text = string.s + 1;
	size_t n = string.len - 2;
	if (memchr(text, '\\', n) == NULL)
		return n == len && memcmp(text, want, len) == 0;
	struct jsonstring t = jsonstring_of(string);
	char bytes[4];
	while ((n = jsonstring_next(&t, bytes)) > 0) {
		if (n > len || memcmp(bytes, want, n) != 0)
			return false;
		want += n;
		len -= n;
	}
	return len == 0;
}

void jsonslice_text(struct buf *out, struct jsonslice string)
{
	struct jsonstring t = jsonstring_of(string);
	while (t.p < t.end) {
		size_t left = (size_t)(t.end - t.p);
		const char *escape = memchr(t.p, '\\', left);
		size_t plain = escape ? (size_t)(escape - t.p) : left;
		char bytes[4];
		buf_add(out, t.p, plain);
		t.p += plain;
		if (escape) {
			size_t n = jsonstring_next(&t, bytes);
			buf_add(out, bytes, n);
		}
	}
}
