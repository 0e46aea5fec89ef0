/* The span of an append to the log, of a request that is traced. */
#pragma once

#include "api/write/write_log.h"
#include "common/trace/span.h"

struct request;

/* Of one request, so many appends are traced. */
enum { WRITE_TRACES = 16 };

/* What the record says as its traceparent; may be borrowed from the request or
 * from `text`. If the request is traced, begins the span of its append: the
 * `nth`, from 0. Otherwise, and from WRITE_TRACES on, *out is none. */
struct record_text write_trace_begin(const struct request *r, size_t nth,
    char text[TRACE_CONTEXT_LEN + 1], struct span_start *out);
/* Ends and clears the span, if there is one. `d` NULL: nobody knows what became
 * of the append. */
void write_trace_end(
    const struct request *r, struct span_start *s, const struct delivery *d);
