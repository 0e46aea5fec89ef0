/* What a route takes and answers: the columns of api/routes.def from which the
 * OpenAPI document is made (api/openapi/openapi.h).
 */
#pragma once

/* Lists of names are separated by blanks. A schema whose name begins with `_`
 * depends on the collection: "_document" (api/openapi/json_schema.h). */
struct operation_body {
	const char *media;
	const char *schema; /* NULL: no JSON */
};

struct operation_answer {
	unsigned status;
	const char *what;
	const char *media;   /* NULL: no body */
	const char *schema;  /* NULL: no JSON */
	const char *headers; /* names in api/openapi/components.json */
};

struct operation {
	const char *id;
	const char *tag; /* NULL: the collection's name */
	const char *summary;
	const char *parameters; /* as `headers`; "list": those of lists */
	const struct operation_body *bodies;	/* ends with {0} */
	const struct operation_answer *answers; /* ends with {0} */
	const char *problems; /* types in api/core/problems.def */
};
