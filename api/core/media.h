/* The media type of a request's body. */
#pragma once

#include "api/core/request.h"

#define INCREMENT_TYPE "application/vnd.sluice.increment+json"
#define MERGE_TYPE "application/merge-patch+json"
#define JSON_TYPE "application/json"
#define NDJSON_TYPE "application/x-ndjson"
#define CSV_TYPE "text/csv"

/* Is its type JSON, and not that of a patch? */
bool media_is_json(const struct request *r);
/* Is its type that of a patch that Sluice takes? */
bool media_is_patch(const struct request *r);
/* Is its type `want`, with any parameters? */
bool media_is(const struct request *r, const char *want);
