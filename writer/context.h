/* What the modules of the writer share, made by writer.c. */
#pragma once

#include "writer/announce.h"
#include "writer/pool.h"
#include "writer/settings.h"
#include "writer/shapes.h"
#include "writer/statements.h"
#include "writer/stats.h"

#include "common/kafka.h"
#include "common/loop.h"
#include "common/seldom.h"

struct context {
	struct loop *loop;
	const struct writer_settings *settings;
	struct kafka_config kafka;
	struct stats stats;
	struct statements *statements;
	struct shapes *shapes; /* from the start on */
	struct pool *pool;
	struct announcer *announcer;
	uint32_t epoch;
	struct seldom malformed;
	/* An operator must act: the writer stops, with what the error says. */
	void (*fatal)(void *arg, const struct err *e);
	void *fatal_arg;
	bool paused;	       /* by an operator: no batch begins */
	bool emptying;	       /* --drain: ends when the log is applied */
	uint64_t incarnations; /* of partitions: each take is another */
};
