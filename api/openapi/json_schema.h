/* The JSON Schema (2020-12) of a collection's documents, from its declaration
 * (pure core). */
#pragma once

#include "api/core/jsonout.h"
#include "common/schema/collection.h"

enum schema_of {
	SCHEMA_DOCUMENT,  /* as it is read: with the key and the times */
	SCHEMA_NEW,	  /* as it is sent; it may name its key */
	SCHEMA_PUT,	  /* as it is sent where the path names it */
	SCHEMA_PATCH,	  /* a merge patch */
	SCHEMA_INCREMENT, /* {"field": number to add} */
	SCHEMA_LIST,	  /* documents */
	SCHEMA_CREATE,	  /* a new one, or many */
	SCHEMA_WRITTEN,	  /* a receipt, or a document */
	SCHEMA_CREATED,	  /* likewise, or what became of many */
	/* of the reference systems' routes, whose collections alone have them
	 */
	SCHEMA_CACHED,	/* a document, with `cached` */
	SCHEMA_ALL,	/* of these */
	SCHEMA_PARTIAL, /* what of a document is to be changed */
	SCHEMA_ANSWER,	/* a document, and where it came from */
	SCHEMA_ANSWERS, /* likewise, of many */
	SCHEMA_KINDS,
};

/* "_document": what it is called after the collection's name. */
const char *schema_suffix(enum schema_of of);
/* False: the collection has nothing of the kind (no number to increment, no
 * reference route). */
bool schema_exists(const struct collection *c, enum schema_of of);
void schema_write(struct jsonout *j, const char *name,
    const struct collection *c, enum schema_of of);
/* Of the key alone. */
void schema_key(
    struct jsonout *j, const char *name, const struct collection *c);
