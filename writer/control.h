/* The requests of operators to a running writer, on its admin port:
 *
 *   POST /pause, /resume                   stop and continue its batches
 *   POST /positions/{position}/reject      reject a write that holds others up
 *   GET  /rejections, /rejections/{collection}
 *   POST /rejections/{position}/requeue    append it again, perhaps corrected
 *   DELETE /rejections/{position}          discard it
 */
#pragma once

#include "writer/rejections/rejections.h"

struct control {
	struct context *x;
	struct rejections *rejections;
	/* The pause ended: batches may be due. */
	void (*resumed)(void *arg);
	/* The end of a partition of the log; -1: another writer owns it. */
	int64_t (*end)(void *arg, int32_t partition);
	void *arg;
};

/* As admin_options.routes; routes_arg is the control. */
extern const struct router control_routes;
