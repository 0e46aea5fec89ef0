/* What a route takes and answers: the columns of api/routes.def of which the
 * OpenAPI document is made (api/openapi/openapi.h).
 */
#pragma once

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
	const char *id;
	const char *tag; /* NULL: the collection's name */
	const char *summary;
	const char *parameters; /* as headers; "list": those of the lists */
	const struct operation_body *bodies;	/* ends with {0} */
	const struct operation_answer *answers; /* likewise */
	const char *problems; /* types of api/core/problems.def, with blanks */
};
