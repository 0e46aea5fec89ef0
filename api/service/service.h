/* Answers that need no key: GET /v1, /health, /stats, /cache-stats,
 * /cache/stats. */
#pragma once

#include "api/core/route.h"

/* The feature of routes that have a `page`. */
extern const struct feature page_feature;

enum step_result service_collections(struct request *r);
enum step_result service_health(struct request *r);
enum step_result service_stats(struct request *r);
enum step_result service_cache_stats(struct request *r);
enum step_result service_cache_totals(struct request *r);

/* Appends the same numbers as /stats, for the admin listener. Main loop. */
void service_write_stats(struct instance *instance, struct buf *out);
