/* What an owner writes: the document must be theirs (pure core). */
#pragma once

#include "common/base/buf.h"
#include "common/schema/collection.h"

#include <stdbool.h>
#include <stddef.h>

enum own_document {
	OWN_AS_IS,   /* it says so itself, or does not name its owner */
	OWN_FILLED,  /* *out is the document with its owner */
	OWN_FOREIGN, /* it names another owner */
};

/* `whole`: it is a whole document, so the owner is added if it is left out.
 * `false`: it is a patch, which must not change the owner. A text that is not
 * one JSON object is left as it is: the validation reports it. */
enum own_document own_document(const struct collection *c, bool whole,
    const char *text, size_t len, const char *owner, struct buf *out);
