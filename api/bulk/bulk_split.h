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

enum split_form { SPLIT_ARRAY, SPLIT_LINES };

enum split_what {
	SPLIT_MORE,  /* all was taken, and no item is whole */
	SPLIT_ITEM,  /* `text`, until the next call */
	SPLIT_LONG,  /* an item of more than `max` bytes */
	SPLIT_FAULT, /* what `fault` says; call no more */
	SPLIT_END,   /* of split_finish: that was all */
};

enum split_place {
	SPLIT_OPENING, /* in front of the array */
	SPLIT_FIRST,   /* behind [ */
	SPLIT_BETWEEN, /* in front of an item */
	SPLIT_INSIDE,  /* of one */
	SPLIT_BEHIND,  /* the array */
};

struct split {
	enum split_form form;
	size_t max;
	enum split_place place;
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

void split_start(struct split *s, enum split_form form, size_t max);
/* Takes bytes until an item is whole; *used says how many. */
enum split_what split_feed(
    struct split *s, const char *data, size_t len, size_t *used);
/* There are no more bytes. Until it says SPLIT_END or SPLIT_FAULT. */
enum split_what split_finish(struct split *s);
void split_free(struct split *s);
