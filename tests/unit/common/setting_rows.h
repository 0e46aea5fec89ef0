/* What holds for every row of every settings.def, for the tests of each. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/units.h"
#include "common/daemon/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *row_show(const struct config *c, const struct setting *row)
{
	struct buf b = {0};
	setting_show(row, c->settings, &b);
	return buf_take(&b, NULL);
}

static void row_shows(
    struct config *c, const struct setting *row, const char *text)
{
	char *now = row_show(c, row);
	assert_string_equal(now, text);
	free(now);
}

static void row_accepts(struct config *c, const char *name, const char *value)
{
	struct err e = config_set(c, name, value);
	if (e.kind != ERR_KIND_OK)
		fail_msg("%s = '%s': %s", name, value, e.msg);
}

/* Refused, the error names the key, and the value stays as it was. */
static void row_refuses(
    struct config *c, const struct setting *row, const char *value)
{
	char *before = row_show(c, row);
	struct err e = config_set(c, row->name, value);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_string_equal(e.code, "config");
	assert_non_null(strstr(e.msg, row->name));
	assert_non_null(strstr(e.msg, "allowed: "));
	row_shows(c, row, before);
	free(before);
}

static void row_range(const struct setting *row, int64_t *min, int64_t *max)
{
	char text[64];
	snprintf(text, sizeof text, "%s", row->allowed);
	char *dots = strstr(text, "..");
	assert_non_null(dots);
	*dots = '\0';
	if (row->kind == SETTING_DURATION) {
		assert_true(units_parse_duration(text, min));
		assert_true(units_parse_duration(dots + 2, max));
	} else if (row->kind == SETTING_BYTES) {
		assert_true(units_parse_bytes(text, min));
		assert_true(units_parse_bytes(dots + 2, max));
	} else {
		*min = strtoll(text, NULL, 10);
		*max = strtoll(dots + 2, NULL, 10);
	}
}

static void row_number_text(const struct setting *row, int64_t v, char out[32])
{
	const char *unit = row->kind == SETTING_DURATION ? "us" : "";
	snprintf(out, 32, "%" PRId64 "%s", v, unit);
}

static void row_bounds(struct config *c, const struct setting *row)
{
	int64_t min, max;
	char text[32];
	row_range(row, &min, &max);
	assert_true(min < max);
	row_number_text(row, min, text);
	row_accepts(c, row->name, text);
	row_number_text(row, max, text);
	row_accepts(c, row->name, text);
	row_number_text(row, max + 1, text);
	row_refuses(c, row, text);
	row_number_text(row, min - 1, text);
	row_refuses(c, row, text);
	row_refuses(c, row, "");
	row_refuses(c, row, "many");
	row_refuses(c, row, "1x");
	row_refuses(c, row, "99999999999999999999");
}

static void row_ratios(struct config *c, const struct setting *row)
{
	const char *const wrong[] = {"", "1.01", "2", "-0.1", "nan", "1e-2",
	    "0x1", " 1", "1 ", ".", "0,1"};
	row_accepts(c, row->name, "0");
	row_accepts(c, row->name, "1");
	row_accepts(c, row->name, "0.25");
	row_shows(c, row, "0.25");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		row_refuses(c, row, wrong[i]);
}

static void row_choices(struct config *c, const struct setting *row)
{
	char *list = strdup(row->allowed);
	char *rest = list;
	for (char *one; (one = strsep(&rest, "|"));) {
		row_accepts(c, row->name, one);
		row_shows(c, row, one);
	}
	free(list);
	row_refuses(c, row, "");
	row_refuses(c, row, "|");
	row_refuses(c, row, "nonsense");
	row_refuses(c, row, row->allowed); /* all of them at once are none */
}

static void row_default(struct config *c, const struct setting *row)
{
	char *first = row_show(c, row);
	row_accepts(c, row->name, row->def);
	row_shows(c, row, first);
	row_accepts(c, row->name, first); /* set -> show -> set */
	row_shows(c, row, first);
	free(first);
}

static void row_set_env(
    struct config *c, const char *name, size_t len, const char *value)
{
	char *variable;
	assert_true(asprintf(&variable, "%.*s=%s", (int)len, name, value) > 0);
	char *env[] = {variable, NULL};
	struct faults faults = {0};
	config_load_env(c, env, &faults);
	if (faults.n)
		fail_msg("%s: %s", variable, faults.all[0].msg);
	free(variable);
}

/* Another value that the row takes. */
static void row_other_value(const struct setting *row, char out[32])
{
	int64_t min, max;
	switch (row->kind) {
	case SETTING_INT:
	case SETTING_DURATION:
	case SETTING_BYTES:
		row_range(row, &min, &max);
		row_number_text(row, max - 1, out);
		return;
	case SETTING_BOOL:
		snprintf(out, 32, "true");
		return;
	case SETTING_CHOICE:
		snprintf(out, 32, "%s", strrchr(row->allowed, '|') + 1);
		return;
	case SETTING_RATIO:
		snprintf(out, 32, "0.5");
		return;
	case SETTING_ADDRESS:
		snprintf(out, 32, "[::1]:4711");
		return;
	case SETTING_STRING:
	case SETTING_URL:
	case SETTING_SECRET:
		snprintf(out, 32, "other");
		return;
	}
}

/* Its default, its bounds, its choices. */
static void row_check(struct config *c, const struct setting *row)
{
	row_default(c, row);
	switch (row->kind) {
	case SETTING_INT:
	case SETTING_DURATION:
	case SETTING_BYTES:
		row_bounds(c, row);
		break;
	case SETTING_CHOICE:
		row_choices(c, row);
		break;
	case SETTING_RATIO:
		row_ratios(c, row);
		break;
	case SETTING_BOOL:
	case SETTING_STRING:
	case SETTING_URL:
	case SETTING_SECRET:
	case SETTING_ADDRESS:
		break;
	}
}

/* SLUICE_ and its name, and every variable of the reference systems, set it. */
static void row_check_variables(struct config *c, const struct setting *row)
{
	char other[32], name[80] = "SLUICE_";
	row_accepts(c, row->name, row->def);
	char *first = row_show(c, row);
	row_other_value(row, other);
	size_t n = strlen(name);
	for (const char *p = row->name; *p; p++)
		name[n++] = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
	row_set_env(c, name, n, other);
	char *changed = row_show(c, row);
	assert_string_not_equal(changed, first);
	for (const char *p = row->aliases; *p; p += *p == ' ') {
		size_t len = strcspn(p, " ");
		if (isupper((unsigned char)*p)) {
			row_set_env(c, p, len, row->def);
			row_shows(c, row, first);
			row_set_env(c, p, len, other);
			row_shows(c, row, changed);
		}
		p += len;
	}
	row_set_env(c, name, n, row->def);
	row_shows(c, row, first);
	free(changed);
	free(first);
}
