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
struct pool;
struct statements;

struct context {
	struct loop *loop;
	const struct writer_settings *settings;
	struct kafka_config kafka;
	struct stats stats;
	struct statements *statements;
	struct fingerprints *shapes; /* from the start on */
	struct judges *judges;
	struct pool *pool;
	struct orders *orders;
	struct announcer *announcer;
	uint32_t epoch;
	void (*ordered)(void *arg); /* the orders are others now */
	void *ordered_arg;
	/* An operator must act: the writer stops, with what the error says. */
	void (*fatal)(void *arg, const struct err *e);
	void *fatal_arg;
	bool paused;	       /* by an operator: no batch begins */
	bool emptying;	       /* --drain: ends when the log is applied */
	uint64_t incarnations; /* of partitions: each take is another */
};

/* The row of a key at that version is larger than document.max_bytes, because
 * of a trigger, say: it is announced without its document. `bytes` 0: nobody
 * knows how large it is. */
void context_omitted(struct context *x, const char *id, size_t id_len,
    version_t version, size_t bytes);
/* The row did not take that write: it has a newer version, or a trigger gave it
 * another key or skipped it. */
void context_superseded(
    struct context *x, struct position at, const char *id, size_t id_len);
