#include "common/trace/span.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that the attributes of a span usually take. */
enum { USUAL = 1024 };

/* An id of zeroes is none. */
static uint64_t span_id(uint64_t random)
{
	return random ? random : 1;
}

struct span_start span_root(
    const uint64_t random[3], wall_us_t at, mono_us_t clock)
{
	return (struct span_start){
	    .self = {{random[0], span_id(random[1])}, span_id(random[2]),
		TRACE_SAMPLED | TRACE_RANDOM},
	    .at = at,
	    .clock = clock,
	};
}

struct span_start span_child(const struct trace_context *parent,
    uint64_t random, wall_us_t at, mono_us_t clock)
{
	struct span_start s = {
	    .self = *parent, .parent = parent->span, .at = at, .clock = clock};
	s.self.span = span_id(random);
	return s;
}

bool span_is_on(const struct span_start *s)
{
	return s->self.span != 0;
}

struct span *span_end(const struct span_start *start, enum span_kind kind,
    const char *name, mono_us_t clock)
{
	struct span *s = MEM_NEW(struct span);
	s->start = *start;
	s->kind = kind;
	snprintf(s->name, sizeof s->name, "%s", name);
	buf_reserve(&s->attributes, USUAL);
	s->end = start->at + (clock > start->clock ? clock - start->clock : 0);
	return s;
}

void span_free(struct span **sp)
{
	struct span *s = *sp;
	*sp = NULL;
	if (s == NULL)
		return;
	buf_free(&s->attributes);
	buf_free(&s->links);
	free(s);
}

/* --- attributes ---------------------------------------------------------- */

/* Never in the middle of a character. */
static size_t span_cut(const char *text, size_t len)
{
	if (len <= SPAN_TEXT_MOST)
		return len;
	len = SPAN_TEXT_MOST;
	while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static void add_text(struct buf *json, const char *text, size_t len)
{
	char clean[SPAN_TEXT_MOST];
	len = span_cut(text, len);
	memcpy(clean, text, len);
	if (!utf8_valid(clean, len)) {
		for (size_t i = 0; i < len; i++)
			clean[i] =
			    (unsigned char)clean[i] < 0x80 ? clean[i] : '?';
	}
	buf_json(json, clean, len);
}

/* Without printf: a span has a dozen of them. */
static void begin_attribute(struct buf *json, const char *name)
{
	buf_str(json, json->len ? ",{\"key\":\"" : "{\"key\":\"");
	buf_str(json, name);
	buf_str(json, "\",\"value\":{");
}

void span_attribute(
    struct buf *json, const char *name, const char *value, size_t len)
{
	begin_attribute(json, name);
	buf_str(json, "\"stringValue\":");
	add_text(json, value, len);
	buf_str(json, "}}");
}

void span_text(struct span *s, const char *name, const char *value, size_t len)
{
	span_attribute(&s->attributes, name, value, len);
}

/* A 64-bit number is text in the JSON of protobuf. */
void span_number(struct span *s, const char *name, int64_t value)
{
	begin_attribute(&s->attributes, name);
	buf_printf(&s->attributes, "\"intValue\":\"%" PRId64 "\"}}", value);
}

static void add_ids(struct buf *json, const struct trace_context *c)
{
	buf_printf(json,
	    "\"traceId\":\"%016" PRIx64 "%016" PRIx64
	    "\",\"spanId\":\"%016" PRIx64 "\",\"flags\":%u",
	    c->trace[0], c->trace[1], c->span, (unsigned)c->flags);
}

void span_link(struct span *s, const struct trace_context *to)
{
	buf_str(&s->links, s->links.len ? ",{" : "{");
	add_ids(&s->links, to);
	buf_char(&s->links, '}');
}

/* --- the whole ----------------------------------------------------------- */

static void add_list(
    struct buf *json, const char *name, const struct buf *members)
{
	if (members->len == 0)
		return;
	buf_printf(json, ",\"%s\":[", name);
	buf_add(json, members->data, members->len);
	buf_char(json, ']');
}

void span_write(const struct span *s, struct buf *json)
{
	buf_char(json, '{');
	add_ids(json, &s->start.self);
	if (s->start.parent)
		buf_printf(json, ",\"parentSpanId\":\"%016" PRIx64 "\"",
		    s->start.parent);
	buf_str(json, ",\"name\":");
	buf_json(json, s->name, strlen(s->name));
	buf_printf(json,
	    ",\"kind\":%d,\"startTimeUnixNano\":\"%" PRId64
	    "000\",\"endTimeUnixNano\":\"%" PRId64 "000\"",
	    (int)s->kind, s->start.at, s->end);
	add_list(json, "attributes", &s->attributes);
	add_list(json, "links", &s->links);
	if (s->failed)
		buf_str(json, ",\"status\":{\"code\":2}");
	buf_char(json, '}');
}
