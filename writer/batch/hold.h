/* Why a partition stops before a write: this writer does not know the format of
 * the record, or the declaration that the write was made with. Rejecting the
 * write would lose it, because a newer writer can apply it.
 */
#pragma once

#include "writer/core/context.h"
#include "writer/decide/write.h"

struct hold {
	bool on;
	version_t at;	 /* of the write */
	wall_us_t since; /* its accepted-at */
	/* The declaration that is missing; collection "": none, it is the
	 * format. */
	char collection[COLLECTION_NAME_MAX + 1];
	uint64_t shape;
	char why[400]; /* for people: what to do */
};

/* The write, or the operation of it, that was made with another declaration
 * than this writer has; borrowed. NULL: there is none. */
const struct write *hold_unknown(
    const struct context *x, const struct write *w);
/* Holds for a record of an unknown format, and logs it. */
void hold_format(
    struct hold *h, const struct context *x, const rd_kafka_message_t *m);
/* Holds for a write that hold_unknown has returned, and logs it. */
void hold_declaration(struct hold *h, int32_t partition, const struct write *w);
/* True: an operator has ordered that the write is rejected, or its declaration
 * is here now, and migrated. */
bool hold_is_over(
    const struct hold *h, const struct context *x, int32_t partition);
