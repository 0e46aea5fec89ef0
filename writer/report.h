/* The writer's answers on its admin port: readiness, statistics. */
#pragma once

#include "writer/batch/partition.h"
#include "writer/control.h"
#include "writer/core/context.h"
#include "writer/startup/preflight.h"
#include "writer/takeover/takeover.h"

#include "common/daemon/admin.h"
#include "common/kafka/consumer.h"
#include "common/kafka/membership.h"

/* Where the daemon keeps what the report shows; all borrowed. */
struct report {
	struct context *x;
	struct partition *const *parts; /* entries may be NULL */
	size_t n;
	struct preflight *const *start; /* NULL: over */
	struct takeover *const *takeover;
	struct consumer *const *consumer;     /* NULL: not yet */
	struct membership *const *membership; /* likewise */
	const bool *member; /* the group has assigned partitions */
	const bool *draining;
	struct control *control; /* the requests of operators */
	const void *instance;	 /* of the metrics */
	struct reload *reload;
	const struct metrics_each *each; /* of the collections */
};

/* The report outlives the listener. */
struct err report_open(
    const struct report *r, const struct config *config, struct admin **out);
