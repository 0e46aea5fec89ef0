/* The query of a list (pure core): `price=gte.10&order=price.desc&limit=50&…`.
 *
 * Filters (api/list/list_filter.h) are those of PostgREST, on the columns that
 * the declaration lists. Values are checked against the type of their column,
 * and become parameters of the statement (api/list/list_sql.h). A query has one
 * canonical text, whatever the order of its parameters. The text is part of the
 * key of a cached page, and a cursor is valid for one such text only.
 */
#pragma once

#include "api/list/list_filter.h"
#include "common/base/buf.h"
#include "common/schema/collection.h"
#include "common/sql/selection.h"

#include <stdbool.h>
#include <stddef.h>

/* One of the columns that a list is ordered by. */
struct list_order {
	const struct list_column *column;
	bool descending;
};

enum { LIST_ORDERS = COLLECTION_INDEX_COLUMNS };

/* A value that a list is ordered by. */
struct list_place_value {
	bool is_null;
	char *value; /* NULL: null, or the list is ordered by the key */
	size_t value_len;
	/* Not 0: the value was too long for a cursor; this is its number of
	 * bytes. `value` is then a value that does not follow it in the order.
	 * The page begins there if the row has changed. */
	size_t long_len;
};

/* The row after which a page begins. */
struct list_place {
	struct list_place_value values[LIST_ORDERS]; /* one for each order */
	char *key;
	size_t key_len;
};

struct list_query {
	unsigned refs; /* used by one thread */
	const struct collection *collection;
	/* All must be true. One may be the scope. */
	struct list_filter filters[LIST_FILTERS + 1];
	size_t nfilters;
	size_t nleaves; /* filters, those in groups included, but no groups */
	/* At least one; then by the key, in the direction of the last one.
	 * Several follow an index of the declaration. */
	struct list_order orders[LIST_ORDERS];
	size_t norders;
	unsigned limit;
	char *cursor; /* as it was sent; NULL: the first page */
	struct list_place after;
	unsigned
	    given; /* bits: whether order, limit, cursor, select were given */
	bool selects; /* may have a `select` */
	struct selection only;
	bool csv;     /* its rows are CSV; otherwise JSON */
	bool counts;  /* it is about the number of rows; not the rows */
	bool exports; /* about all rows; it has no order, limit and cursor */
	bool totals;  /* about the rows, and their number in all pages */
	/* Not NULL: it is a part of reading a group (api/list/group.h): the
	 * documents of this group, all of them, ordered by the key. */
	char *group;
	size_t group_len;
	int32_t partition;	 /* of the group */
	struct list_query *also; /* owned: of the group's next collection */
	/* The field of the owner, where lists have no filter for it. */
	struct list_column owner;
};

enum { LIST_GROUP = 1000 }; /* documents of a group, at most */

#define LIST_INCOMPARABLE "The database cannot compare a field with this value."

/* The fault of a query. */
struct list_fault {
	bool cursor;	    /* it is in the cursor: invalid-cursor */
	char parameter[64]; /* as OFFER_NAME */
	char detail[1000];
};

/* Returns owned: the first page, in the declared order. */
struct list_query *list_query_new(const struct collection *c);
/* Returns owned: the documents of the group in this collection. Copies the
 * text. */
struct list_query *list_query_group(const struct collection *c,
    const char *group, size_t len, int32_t partition);
/* How many collections it reads: 1, unless it is of a group. */
size_t list_query_parts(const struct list_query *q);
struct list_query *list_query_ref(struct list_query *q);
void list_query_unref(struct list_query **q);

/* Adds one parameter, decoded. False: it is refused, and *fault says why. */
bool list_query_add(struct list_query *q, const char *name, size_t name_len,
    const char *value, size_t len, struct list_fault *fault);
/* Narrows the list to the documents whose owner is this value. Call it after
 * the last parameter. False: the field cannot have the value, so there are
 * none. */
bool list_query_scope(struct list_query *q, const char *owner);
/* To be called at the end. False: as above. */
bool list_query_finish(struct list_query *q, struct list_fault *fault);

/* Is the list ordered by the key alone? */
bool list_query_by_key(const struct list_query *q);
/* The direction of the key. */
bool list_query_descending(const struct list_query *q);
/* Frees what it owns. */
void list_place_free(struct list_place *p);
/* Appends the canonical text of collection, filters and order, as a reference
 * relative to /v1/: `posts?author=eq.ada&order=created_at.desc`. */
void list_query_text(struct buf *out, const struct list_query *q);
/* Appends the same query and the selection for a header, as short as possible:
 * it quotes and escapes only what must be. */
void list_query_link(struct buf *out, const struct list_query *q);
/* Appends the key of the page in the caches: `posts/`, a NUL (which no key of a
 * document has), the text, selection, limit, cursor and form; or that it
 * counts. Of a group: `_batch/`, the group, and the text of each collection,
 * each behind a NUL. */
void list_query_id(struct buf *out, const struct list_query *q);
