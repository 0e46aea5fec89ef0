#include "api/openapi/operation.h"

#define JSON "application/json"
#define HTML "text/html"
#define NDJSON "application/x-ndjson"
#define MERGE_PATCH "application/merge-patch+json"
#define INCREMENT "application/vnd.sluice.increment+json"

/* clang-format off */
#define BODIES(...) (const struct operation_body[]){__VA_ARGS__, {0}}
#define NO_BODY (const struct operation_body[]){{0}}
#define ANSWERS(...) (const struct operation_answer[]){__VA_ARGS__, {0}}
/* clang-format on */

static const struct operation operations[] = {
#define OPERATION(                                                             \
    method, pattern, id, tag, summary, parameters, bodies, answers, problems)  \
	{method, pattern, id, tag, summary, parameters, bodies, answers,       \
	    problems " not-acceptable"},
#include "api/openapi/operations.def"
#undef OPERATION
};

const struct operation *operation_at(size_t i)
{
	return i < sizeof operations / sizeof operations[0] ? &operations[i]
							    : NULL;
}
