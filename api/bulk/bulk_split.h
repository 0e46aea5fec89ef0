/* Splits the body of a bulk into items, as its bytes arrive (pure core): the
 * elements of a JSON array, or the lines of NDJSON that are not blank.
 *
 * It only finds where an item ends; in an array, it counts brackets outside of
 * strings. The caller checks whether the item is JSON. Invariant: the items do
 * not depend on how the bytes were cut into pieces. At most `max` bytes of an
 * item are held. A longer item is skipped.
 */
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum bulk_split_form { BULK_SPLIT_ARRAY, BULK_SPLIT_LINES };

enum bulk_split_what {
	BULK_SPLIT_MORE,  /* all bytes were taken, and no item is complete */
	BULK_SPLIT_ITEM,  /* `text`, valid until the next call */
	BULK_SPLIT_LONG,  /* an item of more than `max` bytes */
	BULK_SPLIT_FAULT, /* see `fault`; make no further call */
	BULK_SPLIT_END,	  /* of bulk_split_finish: there are no more items */
};

enum bulk_split_place {
	BULK_SPLIT_OPENING, /* before the array */
	BULK_SPLIT_FIRST,   /* after [ */
	BULK_SPLIT_BETWEEN, /* before an item */
	BULK_SPLIT_INSIDE,  /* inside an item */
	BULK_SPLIT_BEHIND,  /* after the array */
};

struct bulk_split {
	enum bulk_split_form form;
	size_t max;
	enum bulk_split_place place;
	size_t taken; /* bytes of the body so far */
	size_t at;    /* offset in the body of the item, or of the fault */
	struct buf text;
	size_t length; /* of the item so far, also of bytes not held */
	const char *fault;
	/* The state inside an element. */
	size_t depth;
	bool string, escape;
	bool told; /* the item was returned; the next call begins another */
};

/* Begins a body. `max`: bytes of the largest item. */
void bulk_split_start(
    struct bulk_split *s, enum bulk_split_form form, size_t max);
/* Takes bytes until an item is complete; *used is their number. */
enum bulk_split_what bulk_split_feed(
    struct bulk_split *s, const char *data, size_t len, size_t *used);
/* There are no more bytes. Call until it returns BULK_SPLIT_END or
 * BULK_SPLIT_FAULT. */
enum bulk_split_what bulk_split_finish(struct bulk_split *s);
void bulk_split_free(struct bulk_split *s);
