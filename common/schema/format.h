/* `format` of a string field (pure core).
 *
 *   date-time  RFC 3339, 5.6; what PostgreSQL reads of it: years 1 to 9999 when
 *              it is rounded to microseconds in UTC, offsets below 16:00, at
 *              most 60 digits of a second's fraction; leap seconds where one
 *              can be, without a fraction
 *   uuid       RFC 9562: 8-4-4-4-12 hex digits
 *   email      RFC 5321, 4.1.2: a dot-string or quoted string, a host name or
 *              an address literal
 *   uri        RFC 3986, with a scheme
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT(id, name, matches) FORMAT_##id,
enum format {
	FORMAT_NONE,
#include "common/schema/format.def"
	FORMATS
};
#undef FORMAT

/* For errors: the names of all formats, each in quotes, with blanks. */
extern const char format_names[];
const char *format_name(enum format f); /* "date-time" */
bool format_parse(const char *name, size_t len, enum format *out);
bool format_matches(enum format f, const char *s, size_t len);
/* For people: how it accepts less than its standard; "": it accepts all. */
const char *format_limits(enum format f);
/* Microseconds since 1970 of a date-time, rounded as PostgreSQL does. */
bool format_date_time(const char *s, size_t len, int64_t *out);
/* The 16 bytes of a UUID. */
bool format_uuid(const char *s, size_t len, uint8_t out[16]);
