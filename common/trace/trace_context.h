/* Which span of which trace something belongs to: W3C Trace Context, as the
 * header traceparent has it (pure core).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TRACE_SAMPLED = 1,
	TRACE_RANDOM = 2,
	TRACE_CONTEXT_LEN = 55,
	TRACE_ID_LEN = 32,
};

struct trace_context {
	uint64_t trace[2]; /* never both 0, unless there is no context */
	uint64_t span;	   /* likewise */
	uint8_t flags;	   /* TRACE_SAMPLED, TRACE_RANDOM */
};

/* Takes a traceparent, with blanks around it. Of a version that is not known
 * yet, it takes what version 00 has. False: it is malformed, and *out is
 * empty. */
bool trace_context_parse(
    const char *text, size_t len, struct trace_context *out);
/* As a traceparent of version 00, with a NUL. */
void trace_context_format(
    const struct trace_context *c, char out[TRACE_CONTEXT_LEN + 1]);
/* The id of the trace: 32 hexadecimal digits, with a NUL. */
void trace_context_id(
    const struct trace_context *c, char out[TRACE_ID_LEN + 1]);
bool trace_context_is_sampled(const struct trace_context *c);

/* The share of new traces that are sampled, as a bound for random bits.
 * `ratio`: 0 to 1. */
uint64_t trace_context_bound(double ratio);
bool trace_context_chosen(uint64_t bound, uint64_t random);
