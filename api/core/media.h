/* The media type of a request's body. */
#pragma once

#include "api/core/request.h"

#define INCREMENT_TYPE "application/vnd.sluice.increment+json"
#define MERGE_TYPE "application/merge-patch+json"
#define JSON_TYPE "application/json"
#define NDJSON_TYPE "application/x-ndjson"

/* Is the body declared as JSON, and not as a patch? */
bool media_is_json(const struct request *r);
/* Is it declared as a patch of a row, of a kind that is taken? */
bool media_is_patch(const struct request *r);
/* Is that its media type, whatever its parameters? */
bool media_is(const struct request *r, const char *want);
