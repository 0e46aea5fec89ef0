/* What requests find: the instance, which all threads share, and the thread
 * that they run on.
 *
 * This header knows no module: what it names is opaque here. A module that uses
 * a part includes the part's own header, so that its includes tell what it
 * uses. api/app.c and api/worker.c make the parts, and end them.
 */
#pragma once

#include "common/base/clock.h"
#include "common/base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api_metrics;
struct api_settings;
struct assets;
struct backlog;
struct changes;
struct clients;
struct epoch;
struct export;
struct feeds;
struct floors;
struct httpd;
struct id_blocks;
struct id_log;
struct id_tail;
struct jitter;
struct kafka_config;
struct l1;
struct loop;
struct outcomes;
struct pg_list;
struct pg_reader;
struct redis;
struct request;
struct router;
struct schema_ready;
struct singleflight;
struct tail;
struct waiters;
struct write_log;

/* Only things that any thread may use. */
struct instance {
	const struct api_settings *settings;
	const struct kafka_config *kafka;
	int32_t partitions;
	const struct router *routes; /* of the public listener */
	struct loop *loop;	     /* the main one */
	struct thread **threads;
	size_t nthreads;
	/* One per thread; [0] is the main loop's. */
	struct api_metrics *metrics;
	const void *
	    *metric_sets; /* the same, as common/base/metrics.h has it */
	/* reads */
	struct l1 *l1;
	struct floors *floors;
	struct singleflight *singleflight;
	struct tail *tail;
	bool bypass_without_log; /* read.without_log */
	/* Counted before a purge begins: what was read before it is not kept
	 * after it (api/admin/purge.h). */
	_Atomic uint64_t purges;
	/* writes */
	struct write_log *write_log;
	struct backlog *backlog;
	struct epoch *epoch;
	struct outcomes *outcomes;
	struct schema_ready *migrated;
	struct id_blocks *ids;
	struct id_log *id_log;
	struct id_tail *id_tail;
	/* other features */
	struct feeds *feeds;
	struct assets *assets;
	struct clients *clients;
	bool purges_allowed; /* over the public listener */
	/* Over all threads, against the limits of settings. */
	atomic_size_t parked, exports, bulks, changes;
	atomic_bool draining;
	/* Main loop only: what must end before the process may. */
	size_t held;
	/* Main loop only; set by api/app.c. */
	void (*released)(struct instance *i);
	void (*refused)(struct instance *i, const struct err *e);
};

/* One request thread. Only the thread itself uses it, but for `loop`. */
struct thread {
	struct instance *instance;
	size_t index;
	struct loop *loop;
	struct httpd *httpd;
	struct api_metrics *metrics;
	struct redis *redis;
	struct pg_reader *replica; /* NULL: none configured */
	struct pg_reader *primary;
	struct pg_list *replica_lists; /* likewise */
	struct pg_list *primary_lists;
	struct jitter *jitter;	/* of the entries of caches */
	struct waiters *waits;	/* for commits; NULL: the thread ends */
	struct request *parked; /* list; see api/core/request.c */
	size_t nparked;
	struct export *exports;	 /* list; see api/list/export.c */
	struct changes *changes; /* list; see api/changes/changes.c */
	size_t lookups; /* in flight, led by this thread; operators' too */
	uint64_t fresh_lookups; /* begun, ever */
	bool draining;
	mono_us_t drained_since;
};

/* Main loop: the process does not end between the two. */
void instance_hold(struct instance *i);
void instance_release(struct instance *i);
/* Main loop: an operator must act. The instance drains, and the process ends
 * with exit code 1. */
void instance_refuse(struct instance *i, const struct err *e);
/* Takes a place among `most`; any thread. False: all are taken. It is given
 * back by taking one off. */
bool instance_take_place(atomic_size_t *taken, int64_t most);
