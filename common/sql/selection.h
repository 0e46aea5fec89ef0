/* Which members of a document a reader wants (pure core): `select=a,b`.
 *
 * In JSON, the members keep the order of the document, whatever the order of
 * the names, so one selection has one text. The columns of CSV have the order
 * of the names.
 */
#pragma once

#include "common/base/buf.h"
#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The columns of a document: the key, each field, created_at, updated_at. */
enum { SELECTION_COLUMNS = 1 + COLLECTION_FIELDS + 2 };

/* Zeroed: everything. */
struct selection {
	bool narrow;	  /* some columns only */
	uint64_t bits[2]; /* of these; by the place of the column */
	/* The same, in the order of the text. */
	uint8_t places[SELECTION_COLUMNS];
	uint8_t n;
};

/* Takes the names of members, separated by commas; or `*`, which is everything.
 * Returns NULL, or what the text must be, for people. */
const char *selection_take(struct selection *s, const struct collection *c,
    const char *text, size_t len);
/* Is the column selected? 0: the key; then the fields, created_at, updated_at.
 */
bool selection_has(const struct selection *s, size_t column);
/* How many columns are selected; the i-th of them, in the order of the text. */
size_t selection_count(const struct selection *s, const struct collection *c);
size_t selection_at(
    const struct selection *s, const struct collection *c, size_t i);
/* The name of a column. */
const char *selection_name(const struct collection *c, size_t column);
/* Appends the names, separated by commas; nothing if everything is selected.
 * `as_given`: in the order of the text; otherwise in that of the document. */
void selection_text(struct buf *out, const struct selection *s,
    const struct collection *c, bool as_given);
/* Appends the document with the members that are selected. False: it is not a
 * JSON object; nothing is appended. */
bool selection_cut(struct buf *out, const struct selection *s,
    const struct collection *c, const char *doc, size_t len);
