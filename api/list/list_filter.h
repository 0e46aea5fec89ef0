/* The filters of a list (pure core): `eq.ada` of a field, and groups of
 * filters,
 * `(author.eq.ada,or(id.gt.7,title.not.is.null))`, as PostgREST has them.
 *
 * The text is a stranger's. It is read once, from left to right. The first
 * thing that is wrong, too deep or too much ends it, so a refusal costs no more
 * than the text is long.
 *
 * A filter that was settled has one form, whatever the order and the nesting of
 * its terms: groups of one term, and groups in groups of their own kind, are
 * gone, and terms are sorted.
 */
#pragma once

#include "api/list/list_value.h"
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

enum {
	LIST_FILTERS = 32,    /* of a query, those in groups included */
	LIST_CHOICES = 1000,  /* values of an `in` */
	LIST_FILTER_DEPTH = 8 /* groups in groups */
};

struct list_value {
	char *s; /* NUL-terminated; no NUL inside */
	size_t len;
};

struct list_filter {
	bool negated;
	/* NULL: a group. */
	const struct list_column *column;
	enum list_op op;
	/* For `in`: the values. For `is`: one of null, not_null, true, false.
	 * For like and ilike: the pattern, in Postgres's form. */
	struct list_value *values;
	size_t n;
	/* Nobody asked for it: it narrows the list to what the caller owns. It
	 * is part of the canonical text, but not of links. */
	bool scope;
	/* A group: one of its terms must be true, or all. */
	bool any;
	struct list_filter *terms; /* at least one */
	size_t nterms;
};

/* What a reader of filters shares. */
struct list_filter_reader {
	const struct collection *collection;
	size_t n; /* filters that were read, groups not counted */
	/* Why it was refused, for people: what a filter must be, and of which
	 * column; NULL: it is said already. */
	const char *why;
	const struct list_column *column;
};

/* The column that lists may be filtered by; NULL: none has this name. */
const struct list_column *list_filter_column(
    const struct collection *c, const char *name, size_t len);
/* Reads `op.value` or `not.op.value`. False: refused. *out is to be freed in
 * either case. */
bool list_filter_read(struct list_filter_reader *r, struct list_filter *out,
    const struct list_column *column, const char *s, size_t len);
/* Reads a group, from bracket to bracket. As above. */
bool list_filter_read_group(struct list_filter_reader *r,
    struct list_filter *out, bool any, const char *s, size_t len);
void list_filter_free(struct list_filter *f);

/* Brings the filter into its one form. */
void list_filter_settle(struct list_filter *f);
/* Orders filters that are settled; 0: they mean the same. For qsort. */
int list_filter_compare(const void *a, const void *b);
/* Appends the filter as a parameter: `author=eq.ada`. `least`: as short as
 * possible; otherwise in its one spelling. */
void list_filter_text(struct buf *out, const struct list_filter *f, bool least);
