/* The projector's answers on its admin port: readiness, statistics. */
#pragma once

#include "projector/apply/partition.h"

#include "common/daemon/admin.h"
#include "common/kafka/membership.h"

/* Where the daemon keeps what the report shows; all borrowed. */
struct report {
	struct partition_context *x;
	struct partition *const *parts; /* entries may be NULL */
	size_t n;
	struct membership *const *membership; /* NULL: not yet */
	const bool *member; /* the group has assigned partitions */
	const bool *draining;
	const void *instance; /* of the metrics */
	struct reload *reload;
};

/* The report outlives the listener. */
struct err report_open(
    const struct report *r, const struct config *config, struct admin **out);
