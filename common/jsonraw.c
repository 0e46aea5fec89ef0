#include "common/jsonraw.h"

#include "common/check.h"
#include "common/run.h"
#include "common/utf8.h"

#include <stdint.h>
#include <string.h>

struct scan {
	const char *p, *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && is_blank(*s->p))
		s->p++;
}

static bool take(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

/* --- strings and numbers ------------------------------------------------- */

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX; -1: they are none. */
static int32_t take_unit(struct scan *s)
{
	int32_t unit = 0;
	if (s->end - s->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(*s->p++);
		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

/* A code point behind `\u`; -1: none that Postgres takes. */
static int32_t take_point(struct scan *s)
{
	int32_t high = take_unit(s);
	if (high < 0xd800 || high > 0xdfff)
		return high > 0 ? high : -1;
	if (high >= 0xdc00 || !take(s, '\\') || !take(s, 'u'))
		return -1;
	int32_t low = take_unit(s);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

static bool skip_string(struct scan *s)
{
	if (!take(s, '"'))
		return false;
	for (;;) {
		s->p += run_plain(s->p, (size_t)(s->end - s->p));
		if (s->p == s->end)
			return false;
		char c = *s->p++;
		if (c == '"')
			return true;
		if (c != '\\' || s->p == s->end)
			return false;
		c = *s->p++;
		if (c == 'u' ? take_point(s) < 0
			     : c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
			return false;
	}
}

static bool skip_digits(struct scan *s)
{
	const char *first = s->p;
	while (s->p < s->end && is_digit(*s->p))
		s->p++;
	return s->p > first;
}

static bool skip_number(struct scan *s)
{
	take(s, '-');
	if (!take(s, '0') && !skip_digits(s))
		return false;
	if (take(s, '.') && !skip_digits(s))
		return false;
	if (!take(s, 'e') && !take(s, 'E'))
		return true;
	if (!take(s, '+'))
		take(s, '-');
	return skip_digits(s);
}

static bool skip_word(struct scan *s, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
		return false;
	s->p += len;
	return true;
}

/* --- values -------------------------------------------------------------- */

static bool skip_value(struct scan *s, int depth);

static bool skip_members(struct scan *s, int depth)
{
	skip_blanks(s);
	if (take(s, '}'))
		return true;
	do {
		skip_blanks(s);
		if (!skip_string(s))
			return false;
		skip_blanks(s);
		if (!take(s, ':') || !skip_value(s, depth))
			return false;
	} while (take(s, ','));
	return take(s, '}');
}

static bool skip_elements(struct scan *s, int depth)
{
	skip_blanks(s);
	if (take(s, ']'))
		return true;
	do {
		if (!skip_value(s, depth))
			return false;
	} while (take(s, ','));
	return take(s, ']');
}

static bool skip_bare(struct scan *s, int depth)
{
	if (s->p == s->end || depth > JSONRAW_DEPTH)
		return false;
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
	bool ok = skip_bare(s, depth);
	skip_blanks(s);
	return ok;
}

bool jsonraw_scan(const char *text, size_t len, struct jsonraw *out)
{
	struct scan s = {text, text + len};
	*out = (struct jsonraw){0};
	skip_blanks(&s);
	const char *first = s.p;
	if (!skip_bare(&s, 0))
		return false;
	*out = (struct jsonraw){first, (size_t)(s.p - first)};
	skip_blanks(&s);
	return s.p == s.end && utf8_valid(first, out->len);
}

enum jsonraw_kind jsonraw_kind(struct jsonraw v)
{
	CHECK(v.len > 0);
	switch (*v.s) {
	case '{':
		return JSONRAW_OBJECT;
	case '[':
		return JSONRAW_ARRAY;
	case '"':
		return JSONRAW_STRING;
	case 't':
	case 'f':
		return JSONRAW_BOOL;
	case 'n':
		return JSONRAW_NULL;
	default:
		return JSONRAW_NUMBER;
	}
}

/* --- members ------------------------------------------------------------- */

struct jsonraw_member jsonraw_members(struct jsonraw object)
{
	if (object.s == NULL)
		return (struct jsonraw_member){0};
	CHECK(jsonraw_kind(object) == JSONRAW_OBJECT);
	return (struct jsonraw_member){
	    .at = object.s + 1, .end = object.s + object.len - 1};
}

bool jsonraw_next(struct jsonraw_member *m)
{
	struct scan s = {m->at, m->end};
	skip_blanks(&s);
	if (s.p == s.end)
		return false;
	take(&s, ',');
	skip_blanks(&s);
	const char *first = s.p;
	CHECK(skip_string(&s));
	m->name = (struct jsonraw){first, (size_t)(s.p - first)};
	skip_blanks(&s);
	CHECK(take(&s, ':'));
	skip_blanks(&s);
	first = s.p;
	CHECK(skip_bare(&s, 0));
	m->value = (struct jsonraw){first, (size_t)(s.p - first)};
	m->at = s.p;
	return true;
}

static size_t put_utf8(char out[4], int32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	out[0] = (char)(lead[n] | c);
	return n;
}

/* The bytes of the next character of a string. */
static size_t take_character(struct scan *s, char out[4])
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	out[0] = *s->p++;
	if (out[0] != '\\')
		return 1;
	char c = *s->p++;
	if (c == 'u')
		return put_utf8(out, take_point(s));
	const char *at = strchr(from, c);
	out[0] = at ? to[at - from] : c;
	return 1;
}

bool jsonraw_equals(struct jsonraw string, const char *want, size_t len)
{
	const char *text = string.s + 1;
	size_t n = string.len - 2;
	if (memchr(text, '\\', n) == NULL)
		return n == len && memcmp(text, want, len) == 0;
	struct scan s = {text, text + n};
	while (s.p < s.end) {
		char bytes[4];
		size_t k = take_character(&s, bytes);
		if (k > len || memcmp(bytes, want, k) != 0)
			return false;
		want += k;
		len -= k;
	}
	return len == 0;
}

void jsonraw_text(struct buf *out, struct jsonraw string)
{
	struct scan s = {string.s + 1, string.s + string.len - 1};
	while (s.p < s.end) {
		size_t left = (size_t)(s.end - s.p);
		const char *escape = memchr(s.p, '\\', left);
		size_t plain = escape ? (size_t)(escape - s.p) : left;
		char bytes[4];
		buf_add(out, s.p, plain);
		s.p += plain;
		if (escape)
			buf_add(out, bytes, take_character(&s, bytes));
	}
}

/* --- merge patches ------------------------------------------------------- */

static bool same_string(struct jsonraw a, struct jsonraw b)
{
	if (memchr(b.s, '\\', b.len) == NULL)
		return jsonraw_equals(a, b.s + 1, b.len - 2);
	struct buf plain = {0};
	jsonraw_text(&plain, b);
	bool same = jsonraw_equals(a, plain.data ? plain.data : "", plain.len);
	buf_free(&plain);
	return same;
}

/* The last member of that name behind `from`; none: there is none. */
static struct jsonraw last_of(struct jsonraw_member m, struct jsonraw name)
{
	struct jsonraw found = {0};
	while (jsonraw_next(&m)) {
		if (same_string(m.name, name))
			found = m.value;
	}
	return found;
}

static void add_member(struct buf *out, bool *first, struct jsonraw name,
    struct jsonraw was, struct jsonraw patch)
{
	if (patch.s && jsonraw_kind(patch) == JSONRAW_NULL)
		return;
	buf_str(out, *first ? "" : ",");
	*first = false;
	buf_add(out, name.s, name.len);
	buf_char(out, ':');
	if (patch.s)
		jsonraw_merge(out, was, patch);
	else
		buf_add(out, was.s, was.len);
}

void jsonraw_merge(struct buf *out, struct jsonraw target, struct jsonraw patch)
{
	if (jsonraw_kind(patch) != JSONRAW_OBJECT) {
		buf_add(out, patch.s, patch.len);
		return;
	}
	if (target.s && jsonraw_kind(target) != JSONRAW_OBJECT)
		target = (struct jsonraw){0};
	const struct jsonraw_member old = jsonraw_members(target);
	const struct jsonraw_member new = jsonraw_members(patch);
	bool first = true;
	buf_char(out, '{');
	for (struct jsonraw_member m = old; jsonraw_next(&m);) {
		if (last_of(m, m.name).s == NULL)
			add_member(
			    out, &first, m.name, m.value, last_of(new, m.name));
	}
	for (struct jsonraw_member m = new; jsonraw_next(&m);) {
		if (last_of(m, m.name).s == NULL &&
		    last_of(old, m.name).s == NULL)
			add_member(
			    out, &first, m.name, (struct jsonraw){0}, m.value);
	}
	buf_char(out, '}');
}
