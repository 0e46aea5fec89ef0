/* What every route takes and answers, one table: api/openapi/operations.def.
 * The OpenAPI document is made of it (api/openapi/openapi.h).
 */
#pragma once

#include <stddef.h>

/* A name of a schema that begins with `_` is of the collection: "_document"
 * (api/openapi/json_schema.h). */
struct operation_body {
	const char *media;
	const char *schema; /* NULL: no JSON */
};

struct operation_answer {
	unsigned status;
	const char *what;
	const char *media;  /* NULL: no body */
	const char *schema; /* NULL: no JSON */
	const char
	    *headers; /* names of api/openapi/components.json, with blanks */
};

struct operation {
	const char *method;
	const char *pattern; /* as in api/routes.def */
	const char *id;
	const char *tag; /* NULL: the collection's name */
	const char *summary;
	const char *parameters; /* as headers; "list": those of the lists */
	const struct operation_body *bodies;	/* ends with {0} */
	const struct operation_answer *answers; /* likewise */
	const char *problems; /* types of api/core/problems.def, with blanks */
};

/* The i-th; NULL past the last. */
const struct operation *operation_at(size_t i);
