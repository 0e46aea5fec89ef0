#include "common/schema/format.h"

#include "common/json/base64.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FORMAT(id, name, of, matches) [FORMAT_##id] = name,
static const char *const names[FORMATS] = {
    [FORMAT_NONE] = "",
#include "common/schema/format.def"
};
#undef FORMAT

/* The types of the fields that have them. */
#define FORMAT(id, name, of, matches) [FORMAT_##id] = #of,
static const char *const types[FORMATS] = {
    [FORMAT_NONE] = "",
#include "common/schema/format.def"
};
#undef FORMAT

const char *format_name(enum format f)
{
	return names[f];
}

bool format_parse(
    const char *of, const char *name, size_t len, enum format *out)
{
	for (int f = FORMAT_NONE + 1; f < FORMATS; f++) {
		if (strcmp(types[f], of) == 0 && strlen(names[f]) == len &&
		    memcmp(names[f], name, len) == 0) {
			*out = (enum format)f;
			return true;
		}
	}
	return false;
}

void format_names(struct buf *out, const char *of)
{
	for (int f = FORMAT_NONE + 1; f < FORMATS; f++) {
		if (strcmp(types[f], of) == 0)
			buf_printf(out, " \"%s\"", names[f]);
	}
}

const char *format_limits(enum format f)
{
	static const char *const limits[FORMATS] = {
	    [FORMAT_DATE_TIME] =
		" (RFC 3339; years 1 to 9999 in UTC, offsets below 16:00, "
		"at most 60 fraction digits, none for a leap second)",
	    [FORMAT_DATE_TIME_LOCAL] =
		" (RFC 3339 without an offset; years 1 to 9999, at most 6 "
		"fraction digits, no leap second)",
	    [FORMAT_DATE] = " (RFC 3339, full-date; years 1 to 9999)",
	    [FORMAT_TIME_LOCAL] = " (RFC 3339, partial-time; at most 6 "
				  "fraction digits, no leap second)",
	    [FORMAT_BYTE] = " (base64 of RFC 4648, with padding)",
	};
	return limits[f] ? limits[f] : "";
}

static bool format_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static int format_hex_digit(char c)
{
	if (format_is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* --- date-time ----------------------------------------------------------- */

/* The first seconds of these years. */
#define YEAR_1 (-62135596800)
#define YEAR_10000 253402300800
/* PostgreSQL refuses a time of more than some 150 bytes. */
enum { FRACTION_MOST = 60 };

struct cursor {
	const char *p, *end;
};

static bool format_take(struct cursor *c, char a, char b)
{
	if (c->p == c->end || (*c->p != a && *c->p != b))
		return false;
	c->p++;
	return true;
}

static bool take_number(
    struct cursor *c, int digits, int least, int most, int *out)
{
	*out = 0;
	for (int i = 0; i < digits; i++) {
		if (c->p == c->end || !format_is_digit(*c->p))
			return false;
		*out = *out * 10 + (*c->p++ - '0');
	}
	return *out >= least && *out <= most;
}

static int days_in(int year, int month)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

/* Rounds half to even, like PostgreSQL. */
static int64_t rounded(double v)
{
	int64_t whole = (int64_t)v;
	double rest = v - (double)whole;
	return whole + (rest > 0.5 || (rest >= 0.5 && whole % 2));
}

static bool take_fraction(struct cursor *c, int64_t *us)
{
	char text[FRACTION_MOST + 2] = "";
	size_t n = 0;
	*us = 0;
	if (!format_take(c, '.', '.'))
		return true;
	text[n++] = '.';
	for (; c->p < c->end && format_is_digit(*c->p); c->p++) {
		if (n > FRACTION_MOST)
			return false;
		text[n++] = *c->p;
	}
	*us = rounded(strtod(text, NULL) * 1000000);
	return n > 1;
}

/* Minutes east of UTC. */
static bool take_offset(struct cursor *c, int *out)
{
	int hours, minutes;
	*out = 0;
	if (format_take(c, 'Z', 'z'))
		return true;
	bool west = c->p < c->end && *c->p == '-';
	if (!format_take(c, '+', '-') || !take_number(c, 2, 0, 15, &hours) ||
	    !format_take(c, ':', ':') || !take_number(c, 2, 0, 59, &minutes))
		return false;
	*out = (west ? -1 : 1) * (hours * 60 + minutes);
	return true;
}

static bool take_date(struct cursor *c, int *year, int *month, int *day)
{
	return take_number(c, 4, 1, 9999, year) && format_take(c, '-', '-') &&
	       take_number(c, 2, 1, 12, month) && format_take(c, '-', '-') &&
	       take_number(c, 2, 1, days_in(*year, *month), day);
}

bool format_date_time(const char *s, size_t len, int64_t *out)
{
	struct cursor c = {s, s + len};
	int year, month, day, hour, minute, second, offset;
	int64_t us;
	if (!take_date(&c, &year, &month, &day) || !format_take(&c, 'T', 't') ||
	    !take_number(&c, 2, 0, 23, &hour) || !format_take(&c, ':', ':') ||
	    !take_number(&c, 2, 0, 59, &minute) || !format_take(&c, ':', ':') ||
	    !take_number(&c, 2, 0, 60, &second) || !take_fraction(&c, &us) ||
	    !take_offset(&c, &offset) || c.p != c.end)
		return false;
	/* A leap second is the last second of a day in UTC. PostgreSQL accepts
	 * no fraction of one. */
	int of_day = ((hour * 60 + minute - offset) % 1440 + 1440) % 1440;
	if (second == 60 && (of_day != 23 * 60 + 59 || us > 0))
		return false;
	struct tm tm = {.tm_year = year - 1900,
	    .tm_mon = month - 1,
	    .tm_mday = day,
	    .tm_hour = hour,
	    .tm_min = minute - offset,
	    .tm_sec = second};
	int64_t seconds = timegm(&tm);
	*out = seconds * 1000000 + us;
	/* The year must have four digits also in UTC. */
	return *out >= YEAR_1 * 1000000 && *out < YEAR_10000 * 1000000;
}

void format_add_date_time(struct buf *out, int64_t us)
{
	int64_t fraction = (us % 1000000 + 1000000) % 1000000;
	time_t seconds = (time_t)((us - fraction) / 1000000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
	    tm.tm_sec, (int)fraction);
}

/* --- without a zone ------------------------------------------------------ */

/* A partial-time whose value is exact in PostgreSQL. */
static bool format_take_clock(struct cursor *c)
{
	int ignored;
	if (!take_number(c, 2, 0, 23, &ignored) || !format_take(c, ':', ':') ||
	    !take_number(c, 2, 0, 59, &ignored) || !format_take(c, ':', ':') ||
	    !take_number(c, 2, 0, 59, &ignored))
		return false;
	if (!format_take(c, '.', '.'))
		return true;
	const char *from = c->p;
	while (c->p < c->end && format_is_digit(*c->p))
		c->p++;
	return c->p - from > 0 && c->p - from <= 6;
}

static bool format_is_date(const char *s, size_t len)
{
	struct cursor c = {s, s + len};
	int year, month, day;
	return take_date(&c, &year, &month, &day) && c.p == c.end;
}

static bool format_is_time_local(const char *s, size_t len)
{
	struct cursor c = {s, s + len};
	return format_take_clock(&c) && c.p == c.end;
}

static bool format_is_date_time_local(const char *s, size_t len)
{
	struct cursor c = {s, s + len};
	int year, month, day;
	return take_date(&c, &year, &month, &day) &&
	       format_take(&c, 'T', 't') && format_take_clock(&c) &&
	       c.p == c.end;
}

/* --- uuid ---------------------------------------------------------------- */

bool format_uuid(const char *s, size_t len, uint8_t out[16])
{
	size_t n = 0;
	if (len != 36)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		int digit = format_hex_digit(s[i]);
		if (dash ? s[i] != '-' : digit < 0)
			return false;
		if (dash)
			continue;
		out[n / 2] = (uint8_t)(n % 2 ? out[n / 2] << 4 | digit : digit);
		n++;
	}
	return true;
}

/* --- email --------------------------------------------------------------- */

static bool is_atext(char c)
{
	return is_letter(c) || format_is_digit(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_dot_string(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool dot =
		    s[i] == '.' && i > 0 && i + 1 < len && s[i - 1] != '.';
		if (!dot && !is_atext(s[i]))
			return false;
	}
	return len > 0;
}

static bool is_quoted_string(const char *s, size_t len)
{
	if (len < 2 || s[0] != '"' || s[len - 1] != '"')
		return false;
	for (size_t i = 1; i + 1 < len; i++) {
		if (s[i] == '\\')
			i++;
		else if (s[i] == '"')
			return false;
		if (i + 1 >= len || s[i] < 0x20 || s[i] > 0x7e)
			return false;
	}
	return true;
}

/* RFC 1123: labels of letters, digits and inner dashes. */
static bool is_host_name(const char *s, size_t len)
{
	size_t label = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '.') {
			if (label == 0 || s[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		bool dash = s[i] == '-' && label > 0;
		if ((!dash && !is_letter(s[i]) && !format_is_digit(s[i])) ||
		    ++label > 63)
			return false;
	}
	return len > 0 && len <= 253 && label > 0 && s[len - 1] != '-';
}

static bool format_is_address(int family, const char *s, size_t len)
{
	char text[64];
	struct in6_addr ignored;
	if (len >= sizeof text || memchr(s, '\0', len))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	return inet_pton(family, text, &ignored) == 1;
}

static bool is_address_literal(const char *s, size_t len)
{
	if (len < 3 || s[0] != '[' || s[len - 1] != ']')
		return false;
	if (len > 7 && memcmp(s + 1, "IPv6:", 5) == 0)
		return format_is_address(AF_INET6, s + 6, len - 7);
	return format_is_address(AF_INET, s + 1, len - 2);
}

static bool format_is_email(const char *s, size_t len)
{
	/* A quoted local part may contain an @. */
	const char *at = len ? memrchr(s, '@', len) : NULL;
	if (at == NULL)
		return false;
	size_t local = (size_t)(at - s), domain = len - local - 1;
	return local <= 64 &&
	       (is_dot_string(s, local) || is_quoted_string(s, local)) &&
	       (is_host_name(at + 1, domain) ||
		   is_address_literal(at + 1, domain));
}

/* --- uri ----------------------------------------------------------------- */

/* Only characters of RFC 3986 or of `also`, and complete escapes. */
static bool is_run(const char *s, size_t len, const char *also)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%') {
			if (i + 2 >= len || format_hex_digit(s[i + 1]) < 0 ||
			    format_hex_digit(s[i + 2]) < 0)
				return false;
			i += 2;
		} else if (!is_letter(s[i]) && !format_is_digit(s[i]) &&
			   (s[i] == '\0' || !strchr("-._~!$&'()*+,;=", s[i])) &&
			   (s[i] == '\0' || !strchr(also, s[i]))) {
			return false;
		}
	}
	return true;
}

static bool is_future(const char *s, size_t len)
{
	const char *dot = memchr(s, '.', len);
	if (len < 4 || (*s | 0x20) != 'v' || dot == NULL || dot == s + 1)
		return false;
	for (const char *p = s + 1; p < dot; p++) {
		if (format_hex_digit(*p) < 0)
			return false;
	}
	size_t rest = len - (size_t)(dot + 1 - s);
	return rest > 0 && memchr(dot, '%', rest) == NULL &&
	       is_run(dot + 1, rest, ":");
}

static bool is_authority(const char *s, size_t len)
{
	const char *at = memrchr(s, '@', len);
	if (at) {
		if (!is_run(s, (size_t)(at - s), ":"))
			return false;
		len -= (size_t)(at + 1 - s);
		s = at + 1;
	}
	const char *host_end = s + len;
	if (len && *s == '[') {
		const char *close = memchr(s, ']', len);
		size_t inner = close ? (size_t)(close - s) - 1 : 0;
		if (close == NULL ||
		    (!format_is_address(AF_INET6, s + 1, inner) &&
			!is_future(s + 1, inner)))
			return false;
		host_end = close + 1;
		if (host_end < s + len && *host_end != ':')
			return false;
	} else {
		const char *colon = memchr(s, ':', len);
		host_end = colon ? colon : s + len;
		if (!is_run(s, (size_t)(host_end - s), ""))
			return false;
	}
	for (const char *p = host_end + 1; p < s + len; p++) {
		if (!format_is_digit(*p))
			return false;
	}
	return true;
}

static bool is_scheme(char c, bool first)
{
	return is_letter(c) || (!first && (format_is_digit(c) || c == '+' ||
					      c == '-' || c == '.'));
}

static bool format_is_uri(const char *s, size_t len)
{
	const char *end = s + len, *p = s;
	while (p < end && is_scheme(*p, p == s))
		p++;
	if (p == s || p == end || *p != ':')
		return false;
	p++;
	const char *fragment = memchr(p, '#', (size_t)(end - p));
	if (fragment &&
	    !is_run(fragment + 1, (size_t)(end - fragment) - 1, ":@/?"))
		return false;
	end = fragment ? fragment : end;
	const char *query = memchr(p, '?', (size_t)(end - p));
	if (query && !is_run(query + 1, (size_t)(end - query) - 1, ":@/?"))
		return false;
	end = query ? query : end;
	if (end - p >= 2 && p[0] == '/' && p[1] == '/') {
		p += 2;
		const char *slash = memchr(p, '/', (size_t)(end - p));
		const char *stop = slash ? slash : end;
		if (!is_authority(p, (size_t)(stop - p)))
			return false;
		p = stop;
	}
	return is_run(p, (size_t)(end - p), ":@/");
}

static bool format_is_date_time(const char *s, size_t len)
{
	int64_t ignored;
	return format_date_time(s, len, &ignored);
}

static bool format_is_uuid(const char *s, size_t len)
{
	uint8_t bytes[16];
	return format_uuid(s, len, bytes);
}

/* --- networks ------------------------------------------------------------ */

/* Bits in front of which a network ends: at most `most`; without a `/` all. */
static bool take_prefix_bits(
    const char *slash, const char *end, int most, int *out)
{
	size_t len = slash ? (size_t)(end - slash) - 1 : 0;
	*out = most;
	if (slash == NULL)
		return true;
	if (len == 0 || len > 3 || (len > 1 && slash[1] == '0'))
		return false;
	*out = 0;
	for (size_t i = 1; i <= len; i++) {
		if (!format_is_digit(slash[i]))
			return false;
		*out = *out * 10 + (slash[i] - '0');
	}
	return *out <= most;
}

/* `network`: the bits behind those of the network are zero. */
static bool is_network(const char *s, size_t len, bool network)
{
	char text[64];
	unsigned char bytes[16];
	const char *slash = memchr(s, '/', len);
	size_t n = slash ? (size_t)(slash - s) : len;
	int family = memchr(s, ':', n) ? AF_INET6 : AF_INET, bits;
	int most = family == AF_INET ? 32 : 128;
	if (n >= sizeof text || memchr(s, '\0', n) ||
	    !take_prefix_bits(slash, s + len, most, &bits))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	if (inet_pton(family, text, bytes) != 1)
		return false;
	for (int i = bits; network && i < most; i++) {
		if (bytes[i / 8] >> (7 - i % 8) & 1)
			return false;
	}
	return true;
}

static bool format_is_inet(const char *s, size_t len)
{
	return is_network(s, len, false);
}

static bool format_is_cidr(const char *s, size_t len)
{
	return is_network(s, len, true);
}

bool format_matches(enum format f, const char *s, size_t len)
{
#define FORMAT(id, name, of, matches) [FORMAT_##id] = matches,
	static bool (*const all[FORMATS])(const char *s, size_t len) = {
#include "common/schema/format.def"
	};
#undef FORMAT
	return f == FORMAT_NONE || (all[f] && all[f](s, len));
}
