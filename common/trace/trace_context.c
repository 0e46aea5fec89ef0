#include "common/trace/trace_context.h"

#include "common/base/digits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	VERSION_AT = 0,
	TRACE_AT = 3,
	SPAN_AT = 36,
	FLAGS_AT = 53,
};

/* Lower-case digits only, as the recommendation demands. */
static bool take_hex(const char *s, size_t n, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		const char *digits = "0123456789abcdef";
		const char *at = s[i] ? strchr(digits, s[i]) : NULL;
		if (at == NULL)
			return false;
		*out = *out << 4 | (uint64_t)(at - digits);
	}
	return true;
}

static bool has_dashes(const char *s, size_t len)
{
	return s[TRACE_AT - 1] == '-' && s[SPAN_AT - 1] == '-' &&
	       s[FLAGS_AT - 1] == '-' &&
	       (len == TRACE_CONTEXT_LEN || s[TRACE_CONTEXT_LEN] == '-');
}

/* Version 255 is forbidden; version 00 has nothing behind the flags. */
static bool is_version(uint64_t version, size_t len)
{
	return version != 0xff && (version != 0 || len == TRACE_CONTEXT_LEN);
}

static bool take_context(const char *s, size_t len, struct trace_context *out)
{
	uint64_t version, flags;
	if (len < TRACE_CONTEXT_LEN || !has_dashes(s, len) ||
	    !take_hex(s + VERSION_AT, 2, &version) ||
	    !is_version(version, len) ||
	    !take_hex(s + TRACE_AT, 16, &out->trace[0]) ||
	    !take_hex(s + TRACE_AT + 16, 16, &out->trace[1]) ||
	    !take_hex(s + SPAN_AT, 16, &out->span) ||
	    !take_hex(s + FLAGS_AT, 2, &flags))
		return false;
	out->flags = (uint8_t)(flags & (TRACE_SAMPLED | TRACE_RANDOM));
	return (out->trace[0] || out->trace[1]) && out->span;
}

bool trace_context_parse(
    const char *text, size_t len, struct trace_context *out)
{
	while (len && (*text == ' ' || *text == '\t'))
		text++, len--;
	while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	*out = (struct trace_context){0};
	if (take_context(text, len, out))
		return true;
	*out = (struct trace_context){0};
	return false;
}

void trace_context_format(
    const struct trace_context *c, char out[TRACE_CONTEXT_LEN + 1])
{
	snprintf(out, TRACE_CONTEXT_LEN + 1,
	    "00-%016" PRIx64 "%016" PRIx64 "-%016" PRIx64 "-%02x", c->trace[0],
	    c->trace[1], c->span, (unsigned)c->flags);
}

void trace_context_id(const struct trace_context *c, char out[TRACE_ID_LEN + 1])
{
	digits_hex(out, c->trace[0]);
	digits_hex(out + DIGITS_HEX, c->trace[1]);
	out[TRACE_ID_LEN] = '\0';
}

bool trace_context_is_sampled(const struct trace_context *c)
{
	return c->flags & TRACE_SAMPLED;
}

uint64_t trace_context_bound(double ratio)
{
	const double all = 18446744073709551616.0; /* 2^64 */
	return ratio >= 1 ? UINT64_MAX : (uint64_t)(ratio * all);
}

bool trace_context_chosen(uint64_t bound, uint64_t random)
{
	return bound == UINT64_MAX || random < bound;
}
