/* The items of a bulk, one at a time as its bytes arrive (pure core): the
 * elements of a JSON array, or the lines of NDJSON that are not blank.
 *
 * It finds where an item ends and leaves it to the reader whether it is JSON:
 * in an array it counts brackets outside of strings. Invariant: what comes out
 * does not depend on how the bytes were cut. At most `max` bytes of an item are
 * held; one that is longer is passed over.
 */
#pragma once

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum bulk_split_form { BULK_SPLIT_ARRAY, BULK_SPLIT_LINES };

enum bulk_split_what {
	BULK_SPLIT_MORE,  /* all was taken, and no item is whole */
	BULK_SPLIT_ITEM,  /* `text`, until the next call */
	BULK_SPLIT_LONG,  /* an item of more than `max` bytes */
	BULK_SPLIT_FAULT, /* what `fault` says; call no more */
	BULK_SPLIT_END,	  /* of bulk_split_finish: that was all */
};

enum bulk_split_place {
	BULK_SPLIT_OPENING, /* in front of the array */
	BULK_SPLIT_FIRST,   /* behind [ */
	BULK_SPLIT_BETWEEN, /* in front of an item */
	BULK_SPLIT_INSIDE,  /* of one */
	BULK_SPLIT_BEHIND,  /* the array */
};

struct bulk_split {
	enum bulk_split_form form;
	size_t max;
	enum bulk_split_place place;
	size_t taken; /* bytes of the body */
	size_t at;    /* where the item begins, or the fault is */
	struct buf text;
	size_t length; /* of the item so far, held or not */
	const char *fault;
	/* inside an element */
	size_t depth;
	bool string, escape;
	bool told; /* the item was; the next call begins another */
};

void bulk_split_start(
    struct bulk_split *s, enum bulk_split_form form, size_t max);
/* Takes bytes until an item is whole; *used says how many. */
enum bulk_split_what bulk_split_feed(
    struct bulk_split *s, const char *data, size_t len, size_t *used);
/* There are no more bytes. Until it says BULK_SPLIT_END or BULK_SPLIT_FAULT. */
enum bulk_split_what bulk_split_finish(struct bulk_split *s);
void bulk_split_free(struct bulk_split *s);
