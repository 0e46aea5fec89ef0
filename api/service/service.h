/* Answers that need no key: GET /v1, /health, /stats, /cache-stats,
 * /cache/stats. */
#pragma once

#include "api/core/request.h"

enum step_result page_collections(struct request *r);
enum step_result page_health(struct request *r);
enum step_result page_stats(struct request *r);
enum step_result page_cache_stats(struct request *r);
enum step_result page_cache_totals(struct request *r);

/* The same numbers as /stats, for the admin listener. */
void page_write_stats(struct app *app, struct buf *out);
