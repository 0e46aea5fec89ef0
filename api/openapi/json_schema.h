/* The JSON Schema (2020-12) of a collection's documents, from its declaration
 * (pure core). */
#pragma once

#include "api/openapi/jsonout.h"
#include "common/schema/collection.h"

enum json_schema_of {
	JSON_SCHEMA_DOCUMENT,  /* as read: with the key and the times */
	JSON_SCHEMA_NEW,       /* as sent; may contain its key */
	JSON_SCHEMA_PUT,       /* as sent if the path has the key */
	JSON_SCHEMA_PATCH,     /* a merge patch */
	JSON_SCHEMA_INCREMENT, /* {"field": number to add} */
	JSON_SCHEMA_PART,      /* as read with `select`: some members */
	JSON_SCHEMA_READ,      /* a document, or a part of it */
	JSON_SCHEMA_LIST,      /* an array of documents */
	JSON_SCHEMA_PAGE,      /* an array of documents, or of parts of them */
	JSON_SCHEMA_CREATE,    /* a new document, or many */
	JSON_SCHEMA_WRITTEN,   /* a receipt, or a document */
	JSON_SCHEMA_CREATED,   /* likewise, or the results of a bulk */
	/* Of the reference systems' routes, for the collections that have them.
	 */
	JSON_SCHEMA_CACHED,  /* a document, with `cached` */
	JSON_SCHEMA_ALL,     /* an array of these */
	JSON_SCHEMA_PARTIAL, /* the fields of a document to change */
	JSON_SCHEMA_ANSWER,  /* a document, and where it came from */
	JSON_SCHEMA_ANSWERS, /* likewise, for many */
	JSON_SCHEMA_KINDS,
};

/* "_document": the suffix of the schema's name after the collection's name. */
const char *json_schema_suffix(enum json_schema_of of);
/* False: the collection has nothing of this kind (no number to increment, no
 * route of the reference systems). */
bool json_schema_exists(const struct collection *c, enum json_schema_of of);
void json_schema_write(struct jsonout *j, const char *name,
    const struct collection *c, enum json_schema_of of);
/* Writes the schema of the key. */
void json_schema_key(
    struct jsonout *j, const char *name, const struct collection *c);
