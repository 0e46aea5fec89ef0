/* What the writer says of itself on its admin port. */
#pragma once

#include "writer/context.h"
#include "writer/partition.h"

#include "common/buf.h"

struct report {
	struct context *x;
	struct partition *const *parts; /* entries may be NULL */
	size_t n;
	const char *start;    /* what the start waits for, or "" */
	const char *takeover; /* what the takeover waits for, or "" */
	bool member;
	bool draining;
	bool kafka; /* the group's consumer reaches its partitions */
};

/* A line per reason; true: none. */
bool report_ready(const struct report *r, struct buf *reasons);
void report_refresh(const struct report *r);
void report_json(const struct report *r, struct buf *out);
