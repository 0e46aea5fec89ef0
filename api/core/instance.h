/* The services that requests use: the instance, which all threads share, and
 * the thread that a request runs on.
 *
 * This header includes no module; the parts that it names are opaque here. A
 * module that uses a part includes the part's own header, so that its includes
 * show what it uses. api/app.c and api/worker.c make the parts and end them.
 */
#pragma once

#include "common/base/clock.h"
#include "common/base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admission;
struct api_metrics;
struct api_settings;
struct assets;
struct backlog;
struct changes;
struct clients;
struct collection_metrics;
struct credentials;
struct credentials_thread;
struct epoch;
struct export;
struct feeds;
struct floors;
struct guard;
struct httpd;
struct id_blocks;
struct id_log;
struct id_tail;
struct random;
struct kafka_config;
struct l1;
struct loop;
struct outcomes;
struct pg_list;
struct pg_reader;
struct rate_table;
struct record_at;
struct redis;
struct request;
struct router;
struct sampler;
struct schema_ready;
struct singleflight;
struct stores;
struct tail;
struct tracer;
struct waiters;
struct write_log;

/* Every member may be used from any thread, unless it says otherwise. */
struct instance {
	const struct api_settings *settings;
	const struct kafka_config *kafka;
	int32_t partitions;
	const struct router *routes; /* of the public listener */
	const struct admission *admission;
	struct credentials *credentials;
	const struct guard *guard;
	/* A request ends, and its feature's state is still there (api/log);
	 * NULL: no request has a line in the log. */
	void (*log_request)(struct request *r);
	bool log_each; /* the setting log.access; false: the slow ones only */
	struct loop *loop; /* of the main thread */
	struct thread **threads;
	size_t nthreads;
	/* One per thread; [0] is the main loop's. */
	struct api_metrics *metrics;
	const void *
	    *metric_sets; /* the same, in the form of common/base/metrics.h */
	/* By thread; of each, by the index of the collection. */
	struct collection_metrics **collection_metrics;
	struct api_exemplars **exemplars; /* by thread */
	/* Reads. */
	struct l1 *l1;
	struct floors *floors;
	struct singleflight *singleflight;
	struct tail *tail;
	bool bypass_without_log; /* from the setting read.without_log */
	/* Incremented before a purge begins. A value that was read before is
	 * not kept afterwards (api/admin/purge.h). */
	_Atomic uint64_t purges;
	/* Writes. */
	struct write_log *write_log;
	struct backlog *backlog;
	struct stores *stores;
	struct epoch *epoch;
	struct outcomes *outcomes;
	struct schema_ready *migrated;
	struct id_blocks *ids;
	struct id_log *id_log;
	struct id_tail *id_tail;
	/* Reads who made a write; NULL: callers need not say who they are. */
	struct record_at *authors;
	/* Other features. */
	struct feeds *feeds;
	struct assets *assets;
	struct sampler *sampler;
	struct clients *clients;
	struct tracer *tracer; /* NULL: there are no traces */
	/* Counts over all threads, limited by settings. */
	atomic_size_t parked, exports, bulks, changes;
	atomic_bool draining;
	/* Main loop only: the number of things that must end before the process
	 * may. */
	size_t held;
	/* Main loop only; set by api/app.c, called by the functions below. */
	void (*released)(struct instance *i);
	void (*refused)(struct instance *i, const struct err *e);
};

/* One request thread. Only the thread itself may use it. Other threads may use
 * `loop`, and read `metrics`. */
struct thread {
	struct instance *instance;
	size_t index;
	struct loop *loop;
	struct httpd *httpd;
	struct api_metrics *metrics;
	struct collection_metrics *collection_metrics;
	struct api_exemplars *exemplars;
	struct redis *redis;
	struct pg_reader *replica; /* NULL: none configured */
	struct pg_reader *primary;
	struct pg_list *replica_lists; /* NULL: none configured */
	struct pg_list *primary_lists;
	struct credentials_thread *credentials;
	struct rate_table *rates; /* NULL: there are no limits */
	struct random *jitter;	  /* for the lifetimes of cache entries */
	struct waiters *waits;	  /* for commits */
	struct request *parked;	  /* a list; see api/core/request.c */
	size_t nparked;
	struct export *exports;	 /* a list; see api/list/export.c */
	struct changes *changes; /* a list; see api/changes/changes.c */
	size_t lookups;		 /* in flight, which the thread must finish */
	uint64_t fresh_lookups;	 /* ever begun */
	bool draining;
	mono_us_t drained_since;
};

/* Main loop: the process does not end between these two calls. */
void instance_hold(struct instance *i);
void instance_release(struct instance *i);
/* Main loop: a fault that an operator must mend. The instance drains, and the
 * process ends with exit code 1. */
void instance_refuse(struct instance *i, const struct err *e);
/* Any thread: takes one of `most` places. False: all are taken. To give it
 * back, decrement *taken. */
bool instance_take_place(atomic_size_t *taken, int64_t most);
