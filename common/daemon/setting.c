#include "common/daemon/setting.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *field_of(const struct setting *row, const void *settings)
{
	return (char *)(uintptr_t)settings + row->offset;
}

/* --- setting ------------------------------------------------------------- */

static bool in_choices(const char *choices, const char *value)
{
	size_t len = strcspn(value, "|");
	for (const char *s = choices; s; s = strchr(s, '|')) {
		s += *s == '|';
		if (len && value[len] == '\0' && strncmp(s, value, len) == 0 &&
		    (s[len] == '|' || s[len] == '\0'))
			return true;
	}
	return false;
}

static bool parse_number(
    enum setting_kind kind, const char *value, int64_t *out)
{
	if (kind == SETTING_DURATION)
		return units_parse_duration(value, out);
	if (kind == SETTING_BYTES)
		return units_parse_bytes(value, out);
	char *end;
	if (!isdigit((unsigned char)*value) && *value != '-')
		return false; /* strtoll accepts spaces and a plus */
	errno = 0;
	*out = strtoll(value, &end, 10);
	return errno == 0 && end != value && *end == '\0';
}

static bool in_range(const struct setting *row, int64_t n)
{
	const char *dots = strstr(row->allowed, "..");
	CHECK(dots != NULL);
	char low[32];
	snprintf(
	    low, sizeof low, "%.*s", (int)(dots - row->allowed), row->allowed);
	int64_t min, max;
	CHECK(parse_number(row->kind, low, &min));
	CHECK(parse_number(row->kind, dots + 2, &max));
	return n >= min && n <= max;
}

/* A decimal number; nothing else that strtod takes. */
static bool set_ratio(
    const struct setting *row, void *settings, const char *value)
{
	char *end;
	if (*value == '\0' || value[strspn(value, "0123456789.")] != '\0')
		return false;
	double v = strtod(value, &end);
	if (*end || v < 0 || v > 1)
		return false;
	*(double *)field_of(row, settings) = v;
	return true;
}

static bool parse_bool(const char *value, bool *out)
{
	bool yes = strcmp(value, "true") == 0;
	if (!yes && strcmp(value, "false") != 0)
		return false;
	*out = yes;
	return true;
}

static bool valid_address(const char *value)
{
	const char *colon = strrchr(value, ':');
	if (colon == NULL || colon == value)
		return false;
	int64_t port;
	return parse_number(SETTING_INT, colon + 1, &port) && port >= 0 &&
	       port <= 65535;
}

static bool set_number(
    const struct setting *row, void *settings, const char *value)
{
	int64_t n;
	if (!parse_number(row->kind, value, &n) || !in_range(row, n))
		return false;
	*(int64_t *)field_of(row, settings) = n;
	return true;
}

static bool set_text(
    const struct setting *row, void *settings, const char *value)
{
	if (row->kind == SETTING_CHOICE && !in_choices(row->allowed, value))
		return false;
	if (row->kind == SETTING_ADDRESS && !valid_address(value))
		return false;
	char **field = field_of(row, settings);
	free(*field);
	*field = mem_strdup(value);
	return true;
}

bool setting_set(const struct setting *row, void *settings, const char *value)
{
	switch (row->kind) {
	case SETTING_INT:
	case SETTING_DURATION:
	case SETTING_BYTES:
		return set_number(row, settings, value);
	case SETTING_RATIO:
		return set_ratio(row, settings, value);
	case SETTING_BOOL:
		return parse_bool(value, field_of(row, settings));
	case SETTING_STRING:
	case SETTING_URL:
	case SETTING_SECRET:
	case SETTING_ADDRESS:
	case SETTING_CHOICE:
		return set_text(row, settings, value);
	}
	UNREACHABLE("setting kind");
}

const char *setting_allowed(const struct setting *row)
{
	switch (row->kind) {
	case SETTING_BOOL:
		return "true|false";
	case SETTING_ADDRESS:
		return "host:port";
	case SETTING_RATIO:
		return "0..1";
	case SETTING_STRING:
	case SETTING_URL:
	case SETTING_SECRET:
		return "text";
	case SETTING_INT:
	case SETTING_DURATION:
	case SETTING_BYTES:
	case SETTING_CHOICE:
		return row->allowed;
	}
	UNREACHABLE("setting kind");
}

bool setting_is_secret(const struct setting *row)
{
	return row->kind == SETTING_URL || row->kind == SETTING_SECRET;
}

bool setting_is_text(const struct setting *row)
{
	return row->kind == SETTING_STRING || setting_is_secret(row) ||
	       row->kind == SETTING_ADDRESS || row->kind == SETTING_CHOICE;
}

bool setting_equal(const struct setting *row, const void *a, const void *b)
{
	if (setting_is_text(row))
		return strcmp(*(char **)field_of(row, a),
			   *(char **)field_of(row, b)) == 0;
	if (row->kind == SETTING_RATIO)
		return *(double *)field_of(row, a) ==
		       *(double *)field_of(row, b);
	if (row->kind == SETTING_BOOL)
		return *(bool *)field_of(row, a) == *(bool *)field_of(row, b);
	return *(int64_t *)field_of(row, a) == *(int64_t *)field_of(row, b);
}

/* --- showing ------------------------------------------------------------- */

/* The value of the first `password=` or `sslpassword=`; if there is none, the
 * end. libpq accepts these in the query of a URI, and in its own `name = value`
 * form. */
static const char *password_parameter(const char *url)
{
	const char *name = url;
	for (; (name = strstr(name, "password")); name++) {
		const char *equals = name + strlen("password");
		equals += strspn(equals, " ");
		if (*equals == '=' && (name == url || strchr("?& l", name[-1])))
			return equals + 1;
	}
	return url + strlen(url);
}

/* user:secret@ becomes user:***@. The last `@` counts, since a Redis password
 * may contain one. Nothing is shown after a password parameter begins: only
 * libpq knows how the value is quoted. */
static void show_url(const char *url, struct buf *out)
{
	const char *end = password_parameter(url);
	const char *authority = strstr(url, "://");
	authority = authority && authority < end ? authority + 3 : url;
	const char *at = memrchr(authority, '@', (size_t)(end - authority));
	const char *colon =
	    at ? memchr(authority, ':', (size_t)(at - authority)) : NULL;
	if (colon) {
		buf_add(out, url, (size_t)(colon - url) + 1);
		buf_str(out, "***");
		url = at;
	}
	buf_add(out, url, (size_t)(end - url));
	if (*end)
		buf_str(out, "***");
}

void setting_show(
    const struct setting *row, const void *settings, struct buf *out)
{
	char text[32];
	switch (row->kind) {
	case SETTING_INT:
		buf_printf(
		    out, "%" PRId64, *(const int64_t *)field_of(row, settings));
		return;
	case SETTING_DURATION:
		units_format_duration(
		    *(int64_t *)field_of(row, settings), text);
		buf_str(out, text);
		return;
	case SETTING_BYTES:
		units_format_bytes(*(int64_t *)field_of(row, settings), text);
		buf_str(out, text);
		return;
	case SETTING_RATIO:
		buf_printf(
		    out, "%.9g", *(const double *)field_of(row, settings));
		return;
	case SETTING_BOOL:
		buf_str(
		    out, *(bool *)field_of(row, settings) ? "true" : "false");
		return;
	case SETTING_URL:
		show_url(*(char **)field_of(row, settings), out);
		return;
	case SETTING_SECRET:
		buf_str(out, **(char **)field_of(row, settings) ? "***" : "");
		return;
	case SETTING_STRING:
	case SETTING_ADDRESS:
	case SETTING_CHOICE:
		buf_str(out, *(char **)field_of(row, settings));
		return;
	}
	UNREACHABLE("setting kind");
}
