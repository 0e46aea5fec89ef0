/* What can be told to a running writer on its admin port:
 *
 *   POST /pause, /resume                   its batches
 *   POST /positions/{position}/reject      the way past a write
 *   GET  /rejections, /rejections/{collection}
 *   POST /rejections/{position}/requeue    as it is, or with a corrected body
 *   DELETE /rejections/{position}          nobody will repair it
 */
#pragma once

#include "writer/rejections/rejections.h"

struct control {
	struct context *x;
	struct rejections *rejections;
	/* Batches may be due that were held back. */
	void (*resumed)(void *arg);
	/* The end of a partition's log; -1: it is another writer's. */
	int64_t (*end)(void *arg, int32_t partition);
	void *arg;
};

/* As admin_options.routes; routes_arg is the control. */
extern const struct router control_routes;
