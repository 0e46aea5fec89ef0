/* `format` of a field (pure core). Of strings:
 *
 *   date-time  RFC 3339, 5.6; what PostgreSQL reads of it: years 1 to 9999 when
 *              it is rounded to microseconds in UTC, offsets below 16:00, at
 *              most 60 digits of a second's fraction; leap seconds where one
 *              can be, without a fraction
 *   date-time-local, date, time-local
 *              the same without an offset (a time of no zone), its full-date,
 *              its partial-time; at most 6 digits of a second's fraction, so
 *              that nothing is rounded; no leap seconds
 *   uuid       RFC 9562: 8-4-4-4-12 hex digits
 *   byte       RFC 4648, 4: base64, with padding
 *   inet       an address of IPv4 or IPv6, with or without `/` and the bits of
 *              its network
 *   cidr       the same; the bits behind those of the network are zero
 *   email      RFC 5321, 4.1.2: a dot-string or quoted string, a host name or
 *              an address literal
 *   uri        RFC 3986, with a scheme
 *
 * Of integers: int64, int32 and int16, the bits that they have. The names are
 * those of JSON Schema and of the OpenAPI Format Registry.
 */
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT(id, name, of, matches) FORMAT_##id,
enum format {
	FORMAT_NONE,
#include "common/schema/format.def"
	FORMATS
};
#undef FORMAT

const char *format_name(enum format f); /* "date-time" */
/* `of`: the name of a field's type. A format of another type is not found. */
bool format_parse(
    const char *of, const char *name, size_t len, enum format *out);
/* Appends the names of all formats of a type, each in quotes, after a blank. */
void format_names(struct buf *out, const char *of);
/* Of a string; a format of numbers matches none. */
bool format_matches(enum format f, const char *s, size_t len);
/* For people: how it accepts less than its standard; "": it accepts all. */
const char *format_limits(enum format f);
/* Microseconds since 1970 of a date-time, rounded as PostgreSQL does. */
bool format_date_time(const char *s, size_t len, int64_t *out);
/* Appends the time as PostgreSQL can hold it, in UTC:
 * `2026-01-31T12:00:00.000000Z`. It is one of the years 1 to 9999. */
void format_add_date_time(struct buf *out, int64_t us);
/* The 16 bytes of a UUID. */
bool format_uuid(const char *s, size_t len, uint8_t out[16]);
