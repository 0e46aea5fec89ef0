#include "api/routes.h"

#include "api/admin/main_ask.h"
#include "api/bulk/bulk.h"
#include "api/changes/changes.h"
#include "api/compat/compat_cache.h"
#include "api/compat/compat_rows.h"
#include "api/list/group.h"
#include "api/list/list.h"
#include "api/read/read.h"
#include "api/service/assets.h"
#include "api/service/sampler.h"
#include "api/service/service.h"
#include "api/write/status.h"
#include "api/write/write.h"

#define JSON "application/json"
#define HTML "text/html"
#define NDJSON "application/x-ndjson"
#define CSV "text/csv"
#define MERGE_PATCH "application/merge-patch+json"
#define INCREMENT "application/vnd.sluice.increment+json"

/* clang-format off */
#define NONE {BODY_NONE, MEDIA_ANY}
#define WHOLE(media) {BODY_WHOLE, MEDIA_##media}
#define STREAMED(media) {BODY_STREAMED, MEDIA_##media}

#define READS(words) .feature = &read_feature, .surface = &(words)
#define LISTS(words) .feature = &list_feature, .surface = &(words)
#define EXPORTS(words) .feature = &export_feature, .surface = &(words)
#define COUNTS(words) .feature = &count_feature, .surface = &(words)
#define GROUPS(words) .feature = &group_feature, .surface = &(words)
#define WRITES(words, what) \
	.feature = &write_feature, .surface = &(words), .op = RECORD_##what, \
	.upserts = RECORD_##what == RECORD_PUT
#define CREATES(words) \
	.feature = &create_feature, .surface = &(words), .op = RECORD_PUT
#define OPERATIONS(words) \
	.feature = &operations_feature, .surface = &(words), .op = RECORD_PUT
#define ROWS(words) .feature = &row_feature, .surface = &(words)
#define WRITES_ROWS(words, what) \
	.feature = &row_feature, .surface = &(words), .op = RECORD_##what
#define PAGE(answer) .feature = &page_feature, .page = (answer)
#define DOES(what) .feature = &(what)
#define OF(name, feature) .collection = (name), feature

#define BODIES(...) (const struct operation_body[]){__VA_ARGS__, {0}}
/* What every route may answer besides. */
#define ALWAYS \
	" not-acceptable unauthenticated forbidden invalid-credential rate-limited"
#define NO_BODIES (const struct operation_body[]){{0}}
#define ANSWERS(...) (const struct operation_answer[]){__VA_ARGS__, {0}}
/* clang-format on */

static const struct route routes[] = {
#define ROUTE(method, pattern, verb, takes, feature, id, tag, summary,         \
    parameters, bodies, answers, problems)                                     \
	{.head = ROUTE_HEAD(method, pattern, verb),                            \
	    .body = takes,                                                     \
	    feature,                                                           \
	    .operation = {id, tag, summary, parameters, bodies, answers,       \
		problems ALWAYS}},
#include "api/routes.def"
#undef ROUTE
};

const struct router routes_table = ROUTER(routes, "/v1/");
