/* Samples the counters every HISTORY_STEP_S seconds, for GET /stats/history. */
#pragma once

#include "api/core/request.h"

struct sampler;

/* Main loop. Returns owned. `instance->tail` and `instance->backlog` are there
 * and outlive it. `refresh`: called before each sample, so that gauges are as
 * of now. */
struct sampler *sampler_new(
    struct instance *instance, void (*refresh)(void *arg), void *arg);
void sampler_free(struct sampler **s);

/* GET /stats/history. */
enum step_result sampler_history(struct request *r);
