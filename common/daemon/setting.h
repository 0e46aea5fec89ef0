/* One setting: a row of a .def table, and a field of the struct that the table
 * makes. These functions parse, check and show its value.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_kind {
	SETTING_STRING,
	SETTING_URL,
	SETTING_SECRET,
	SETTING_ADDRESS,
	SETTING_INT,
	SETTING_BOOL,
	SETTING_DURATION,
	SETTING_BYTES,
	SETTING_CHOICE,
	SETTING_RATIO,
};

struct setting {
	enum setting_kind kind;
	size_t offset;
	const char *name;
	const char *def;
	const char *allowed;
	const char *aliases;
	const char *help;
};

#define SETTING_TYPE_STRING char *
#define SETTING_TYPE_URL char *
#define SETTING_TYPE_SECRET char *
#define SETTING_TYPE_ADDRESS char *
#define SETTING_TYPE_INT int64_t
#define SETTING_TYPE_BOOL bool
#define SETTING_TYPE_DURATION dur_us_t
#define SETTING_TYPE_BYTES int64_t
#define SETTING_TYPE_CHOICE char *
#define SETTING_TYPE_RATIO double

/* Usable inside `struct x { … }` with `#include "x/settings.def"`. */
#define SETTING_MEMBER(kind, field) SETTING_TYPE_##kind field;
#define SETTING_ROW(type, kind, field, name, def, allowed, aliases, help)      \
	{SETTING_##kind, offsetof(type, field), name, def, allowed, aliases,   \
	    help},

/* May a part of its value be secret? */
bool setting_is_secret(const struct setting *row);
/* Sets the field in `settings`. False, and nothing changes: the value is not
 * allowed. Text is copied. */
bool setting_set(const struct setting *row, void *settings, const char *value);
/* What is allowed, for people. */
const char *setting_allowed(const struct setting *row);
/* Do both structs have the same value? */
bool setting_equal(const struct setting *row, const void *a, const void *b);
/* Its field is an owned string. */
bool setting_is_text(const struct setting *row);
/* Appends the current value; secrets and passwords are shown as `***`. */
void setting_show(
    const struct setting *row, const void *settings, struct buf *out);
