/* The JSON Schema (2020-12) of a collection's documents, from its declaration
 * (pure core). */
#pragma once

#include "api/core/jsonout.h"
#include "common/schema/collection.h"

enum json_schema_of {
	JSON_SCHEMA_DOCUMENT,  /* as it is read: with the key and the times */
	JSON_SCHEMA_NEW,       /* as it is sent; it may name its key */
	JSON_SCHEMA_PUT,       /* as it is sent where the path names it */
	JSON_SCHEMA_PATCH,     /* a merge patch */
	JSON_SCHEMA_INCREMENT, /* {"field": number to add} */
	JSON_SCHEMA_LIST,      /* documents */
	JSON_SCHEMA_CREATE,    /* a new one, or many */
	JSON_SCHEMA_WRITTEN,   /* a receipt, or a document */
	JSON_SCHEMA_CREATED,   /* likewise, or what became of many */
	/* of the reference systems' routes, whose collections alone have them
	 */
	JSON_SCHEMA_CACHED,  /* a document, with `cached` */
	JSON_SCHEMA_ALL,     /* of these */
	JSON_SCHEMA_PARTIAL, /* what of a document is to be changed */
	JSON_SCHEMA_ANSWER,  /* a document, and where it came from */
	JSON_SCHEMA_ANSWERS, /* likewise, of many */
	JSON_SCHEMA_KINDS,
};

/* "_document": what it is called after the collection's name. */
const char *json_schema_suffix(enum json_schema_of of);
/* False: the collection has nothing of the kind (no number to increment, no
 * reference route). */
bool json_schema_exists(const struct collection *c, enum json_schema_of of);
void json_schema_write(struct jsonout *j, const char *name,
    const struct collection *c, enum json_schema_of of);
/* Of the key alone. */
void json_schema_key(
    struct jsonout *j, const char *name, const struct collection *c);
