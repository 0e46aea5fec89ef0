#include "api/core/problem.h"

#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/json/jsonpointer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *type;
	unsigned status;
	const char *title;
} rows[PROBLEM_COUNT] = {
#define PROBLEM(id, type, status, title) [id] = {type, status, title},
#include "api/core/problems.def"
#undef PROBLEM
};

unsigned problem_status(enum problem p)
{
	return rows[p].status;
}

const char *problem_title(enum problem p)
{
	return rows[p].title;
}

const char *problem_type(enum problem p)
{
	return rows[p].type;
}

enum problem problem_by_type(const char *type)
{
	for (int p = 0; p < PROBLEM_COUNT; p++) {
		if (strcmp(rows[p].type, type) == 0)
			return (enum problem)p;
	}
	UNREACHABLE("a reason without a problem type");
}

static void problem_member(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, ",\"%s\":", name);
	buf_json(out, value, strlen(value));
}

void problem_errors(struct buf *out, const struct violations *v)
{
	for (size_t i = 0; i < v->n; i++) {
		buf_str(
		    out, i ? ",{\"pointer\":" : ",\"errors\":[{\"pointer\":");
		buf_json(out, v->items[i].pointer, strlen(v->items[i].pointer));
		problem_member(out, "detail", v->items[i].detail);
		buf_str(out, i + 1 < v->n ? "}" : "}]");
	}
}

void problem_write(struct buf *out, enum problem p, const char *detail,
    const struct violations *v, const char *extra)
{
	buf_printf(out, "{\"type\":\"" PROBLEM_PREFIX "%s\",\"status\":%u",
	    rows[p].type, rows[p].status);
	problem_member(out, "title", rows[p].title);
	problem_member(out, "detail", detail ? detail : rows[p].title);
	if (v)
		problem_errors(out, v);
	if (extra)
		buf_str(out, extra);
	buf_str(out, "}\n");
}

/* NULL: the whole document. Returns owned. */
static char *pointer_of(const char *name)
{
	struct buf b = {0};
	if (name)
		jsonpointer_add(&b, name, strlen(name));
	return buf_take(&b, NULL);
}

/* Shortens a detail, which may quote long text, but not within a character. */
static char *detail_of(const char *text)
{
	enum { SHOWN = 500 };
	size_t len = strlen(text);
	return mem_strndup(text, utf8_prefix(text, len < SHOWN ? len : SHOWN));
}

enum { MOST_VIOLATIONS = 100 }; /* enough for a reader */

/* Takes the pointer. */
static void violations_put(
    struct violations *v, char *pointer, const char *text)
{
	MEM_GROW(v->items, v->cap, v->n);
	v->items[v->n++] = (struct violation){pointer, detail_of(text)};
}

void violations_add(
    struct violations *v, const char *name, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	if (v->n == MOST_VIOLATIONS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	violations_put(v, pointer_of(name), text);
}

void violations_add_at(
    struct violations *v, const char *pointer, const char *why)
{
	if (v->n < MOST_VIOLATIONS)
		violations_put(v, mem_strdup(pointer), why);
}

void violations_add_in(
    struct violations *v, size_t element, const char *pointer, const char *why)
{
	struct buf at = {0};
	if (v->n == MOST_VIOLATIONS)
		return;
	buf_printf(&at, "/%zu%s", element, pointer);
	violations_put(v, buf_take(&at, NULL), why);
}

void violations_free(struct violations *v)
{
	for (size_t i = 0; i < v->n; i++) {
		free(v->items[i].pointer);
		free(v->items[i].detail);
	}
	free(v->items);
	*v = (struct violations){0};
}
