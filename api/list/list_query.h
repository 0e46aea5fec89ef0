/* What a list asks (pure core): `price=gte.10&order=price.desc&limit=50&…`.
 *
 * Filters are PostgREST's, on the columns that the declaration names; values
 * are held to the column's type here, and travel as parameters
 * (api/list/list_sql.h). A query has one canonical text, whatever order its
 * parameters came in: it names a cached page, and a cursor holds for one such
 * text only.
 */
#pragma once

#include "common/base/buf.h"
#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>

#define LIST_OP(id, name) id,
enum list_op {
#include "api/list/list_ops.def"
	LIST_OPS
};
#undef LIST_OP

enum { LIST_FILTERS = 32, LIST_CHOICES = 1000 };

struct list_value {
	char *s; /* NUL-terminated; no NUL inside */
	size_t len;
};

struct list_filter {
	const struct list_column *column;
	enum list_op op;
	/* Of `in`, as many as there are; of `is`, null, not_null, true, false;
	 * of like and ilike, Postgres's pattern. */
	struct list_value *values;
	size_t n;
};

/* The row that a page begins behind. */
struct list_place {
	bool is_null; /* what it is ordered by */
	char *value;  /* as text; NULL: null, or the order is the key */
	size_t value_len;
	char *key;
	size_t key_len;
	/* Not 0: the value was too long, with so many bytes. `value` is then
	 * what the page may begin at if the row has another one by now: in
	 * front of it in the order. */
	size_t long_len;
};

struct list_query {
	unsigned refs; /* of one thread */
	const struct collection *collection;
	struct list_filter filters[LIST_FILTERS];
	size_t nfilters;
	const struct list_column *order; /* then by the key, the same way */
	bool descending;
	unsigned limit;
	char *cursor; /* as it came; NULL: the first page */
	struct list_place after;
	unsigned given; /* bits: order, limit, cursor came */
};

/* What is wrong with a query. */
struct list_fault {
	bool cursor;	    /* with the cursor: invalid-cursor */
	char parameter[64]; /* OFFER_NAME */
	char detail[200];
};

/* Returns owned: the first page, in the declared order. */
struct list_query *list_query_new(const struct collection *c);
struct list_query *list_query_ref(struct list_query *q);
void list_query_unref(struct list_query **q);

/* One parameter, decoded. False: refused, and *fault says why. */
bool list_query_add(struct list_query *q, const char *name, size_t name_len,
    const char *value, size_t len, struct list_fault *fault);
/* After the last one. */
bool list_query_finish(struct list_query *q, struct list_fault *fault);

/* Is the list ordered by the key alone? */
bool list_query_by_key(const struct list_query *q);
/* Appends the canonical text of collection, filters and order, as a reference
 * relative to /v1/: `posts?author=eq.ada&order=created_at.desc`. */
void list_query_text(struct buf *out, const struct list_query *q);
/* The same query in few bytes, for a header: no more than a client needs that
 * quotes and escapes only what must be. */
void list_query_link(struct buf *out, const struct list_query *q);
/* What names the page in the caches: `posts/`, a NUL, which no key has, the
 * text, limit and cursor. */
void list_query_id(struct buf *out, const struct list_query *q);
