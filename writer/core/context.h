/* What the modules of the writer share, made by writer.c. */
#pragma once

#include "writer/core/settings.h"
#include "writer/core/stats.h"

#include "common/base/loop.h"
#include "common/kafka/kafka.h"
#include "common/log/version.h"

struct announcer;
struct fingerprints;
struct judges;
struct orders;
struct pg_pool;
struct statements;
struct tracer;

struct context {
	struct loop *loop;
	const struct writer_settings *settings;
	struct kafka_config kafka;
	struct stats stats;
	struct collection_stats *collections; /* by their index */
	struct statements *statements;
	struct fingerprints *shapes; /* read at the start, and again */
	struct judges *judges;
	struct pg_pool *pool;
	struct orders *orders;
	struct announcer *announcer;
	struct tracer *tracer; /* NULL: there are no traces */
	uint32_t epoch;
	void (*ordered)(void *arg); /* the orders have changed */
	void *ordered_arg;
	/* An operator must act: the writer stops, with what the error says. */
	void (*fatal)(void *arg, const struct err *e);
	void *fatal_arg;
	bool paused;	       /* by an operator: no batch begins */
	bool emptying;	       /* --drain: ends when the log is applied */
	uint64_t incarnations; /* how often a partition was taken */
};

/* Reports a row that is larger than document.max_bytes (because of a trigger,
 * for example): it is announced without its document. `bytes` 0: its size is
 * not known. */
void context_omitted(struct context *x, const char *id, size_t id_len,
    version_t version, size_t bytes);
/* Reports a write that did not change its row: the row has a newer version, or
 * a trigger gave it another key or skipped it. */
void context_superseded(
    struct context *x, struct position at, const char *id, size_t id_len);
