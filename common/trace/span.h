/* Spans: what one step of a trace did, and how long it took (pure core).
 *
 * A span begins as a few numbers, which may be copied and forgotten. At its end
 * it becomes an object with a name and attributes, for the collector. Names of
 * attributes are those of OpenTelemetry's semantic conventions where there is
 * one, and begin with `sluice.` otherwise.
 */
#pragma once

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/trace/trace_context.h"

#include <stdbool.h>
#include <stddef.h>

/* A span that has begun. All zeroes: none. */
struct span_start {
	struct trace_context self; /* what its children get */
	uint64_t parent;	   /* 0: it is the root of its trace */
	wall_us_t at;
	mono_us_t clock; /* the same moment: its end is reckoned from it */
};

/* The numbers are OTLP's. */
enum span_kind {
	SPAN_INTERNAL = 1,
	SPAN_SERVER = 2,
	SPAN_CLIENT = 3,
	SPAN_PRODUCER = 4,
	SPAN_CONSUMER = 5,
};

enum { SPAN_NAME = 96, SPAN_TEXT_MOST = 256 };

struct span {
	struct span_start start;
	enum span_kind kind;
	char name[SPAN_NAME];
	wall_us_t end;
	struct buf attributes, links; /* the members of JSON arrays */
	bool failed;
};

/* The new span's ids are made of the random bits. */
struct span_start span_root(
    const uint64_t random[3], wall_us_t at, mono_us_t clock);
struct span_start span_child(const struct trace_context *parent,
    uint64_t random, wall_us_t at, mono_us_t clock);
bool span_is_on(const struct span_start *s);

/* The span ends at `clock`. Returns owned. The name is cut if it is long. */
struct span *span_end(const struct span_start *s, enum span_kind kind,
    const char *name, mono_us_t clock);
void span_free(struct span **s);

/* Add an attribute. Texts are cut at SPAN_TEXT_MOST bytes; bytes that are no
 * UTF-8 become question marks. The name is a constant of this program. */
void span_text(struct span *s, const char *name, const char *value, size_t len);
void span_number(struct span *s, const char *name, int64_t value);
void span_link(struct span *s, const struct trace_context *to);

/* Appends the span as OTLP/JSON has it. */
void span_write(const struct span *s, struct buf *json);
/* Appends an attribute to the members of a JSON array. */
void span_attribute(
    struct buf *json, const char *name, const char *value, size_t len);
