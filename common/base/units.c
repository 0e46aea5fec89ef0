#include "common/base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct unit {
	const char *name;
	int64_t scale;
};

/* The largest first: `format` takes the first that divides the value. */
static const struct unit durations[] = {
    {"d", INT64_C(86400000000)},
    {"h", INT64_C(3600000000)},
    {"m", 60000000},
    {"s", 1000000},
    {"ms", 1000},
    {"us", 1},
    {"", 1000000},
    {NULL, 0},
};

static const struct unit sizes[] = {
    {"GiB", INT64_C(1) << 30},
    {"MiB", INT64_C(1) << 20},
    {"KiB", INT64_C(1) << 10},
    {"", 1},
    {"G", INT64_C(1) << 30},
    {"M", INT64_C(1) << 20},
    {"K", INT64_C(1) << 10},
    {"GB", INT64_C(1) << 30},
    {"MB", INT64_C(1) << 20},
    {"KB", INT64_C(1) << 10},
    {"B", 1},
    {NULL, 0},
};

static bool units_parse(const char *s, const struct unit *units, int64_t *out)
{
	if (*s < '0' || *s > '9')
		return false;
	char *end;
	errno = 0;
	int64_t n = strtoll(s, &end, 10);
	if (errno != 0)
		return false;
	for (const struct unit *u = units; u->name; u++) {
		if (strcasecmp(end, u->name) == 0)
			return !__builtin_mul_overflow(n, u->scale, out);
	}
	return false;
}

static void format(int64_t v, const struct unit *units, char out[32])
{
	const struct unit *u = units;
	while (u->scale > 1 && (v % u->scale != 0 || v == 0))
		u++;
	snprintf(out, 32, "%" PRId64 "%s", v / u->scale, u->name);
}

bool units_parse_duration(const char *s, dur_us_t *out)
{
	return units_parse(s, durations, out);
}

bool units_parse_bytes(const char *s, int64_t *out)
{
	return units_parse(s, sizes, out);
}

void units_format_duration(dur_us_t v, char out[32])
{
	format(v, durations, out);
}

void units_format_bytes(int64_t v, char out[32])
{
	format(v, sizes, out);
}
