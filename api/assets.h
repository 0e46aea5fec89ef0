/* Answers that never change: made once, at start, with an ETag, and shared by
 * all threads: /openapi.json.
 */
#pragma once

#include "api/request.h"

enum asset { ASSET_OPENAPI, ASSETS };

struct assets;

/* Collections are loaded. Returns owned. */
struct assets *assets_new(void);
/* No request is in hand any more. */
void assets_free(struct assets **a);

enum step_result assets_openapi(struct request *r);
