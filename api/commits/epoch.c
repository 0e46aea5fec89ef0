#include "api/commits/epoch.h"

#include "api/commits/tail.h"
#include "api/core/instance.h"
#include "api/core/settings.h"
#include "common/base/err.h"
#include "common/base/mem.h"
#include "common/log/stored_formats.h"
#include "common/postgres/pg.h"
#include "common/postgres/pg_binary.h"
#include "common/sql/bookkeeping.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN CLOCK_S(10)
#define SOON CLOCK_MS(200) /* while the epoch is not known */

enum { UNKNOWN = -1, OTHER = -2, UNMIGRATED = -3 };

struct epoch {
	struct instance *instance;
	struct pg *pg;
	struct loop_timer *timer;
	bool asked;
	_Atomic int64_t number; /* or UNKNOWN, OTHER, UNMIGRATED */
};

static bool is_schema_known(struct epoch *e, int least)
{
	if (least <= STORED_SCHEMA)
		return true;
	atomic_store(&e->number, OTHER);
	struct err why = err_make(ERR_KIND_FATAL, "schema.newer",
	    "the schema sluice was migrated by a newer version, whose daemons "
	    "must know its format %d; this version knows up to %d: start the "
	    "newer version instead",
	    least, STORED_SCHEMA);
	instance_refuse(e->instance, &why);
	return false;
}

static void epoch_check(struct epoch *e, const PGresult *r)
{
	if (!is_schema_known(e, pg_int4(r, 0, 3)))
		return;
	const struct common_settings *s = &e->instance->settings->common;
	const char *topic = PQgetvalue(r, 0, 0);
	int partitions = pg_int4(r, 0, 1), number = pg_int4(r, 0, 2);
	if (number < 0 || number > VERSION_EPOCH_MAX) {
		atomic_store(&e->number, UNKNOWN); /* the writer logs why */
		return;
	}
	if (strcmp(topic, s->writes_topic) == 0 &&
	    partitions == (int)s->partitions) {
		atomic_store(&e->number, number);
		return;
	}
	atomic_store(&e->number, OTHER);
	struct err why = err_make(ERR_KIND_FATAL, "log.settings",
	    "the database belongs to the log '%s' with %d partitions, "
	    "log.writes and log.partitions say '%s' with %d: set them to what "
	    "the database says, or see docs/operations.md, Moving to a new log",
	    topic, partitions, s->writes_topic, (int)s->partitions);
	instance_refuse(e->instance, &why);
}

static void epoch_on_told(void *arg, const struct pg_reply *reply)
{
	struct epoch *e = arg;
	e->asked = false;
	if (reply->err.kind == ERR_KIND_OK && PQntuples(reply->results[0]) == 1)
		epoch_check(e, reply->results[0]);
}

static void epoch_ask(struct epoch *e)
{
	const struct pg_query q = pg_statement_query(&bookkeeping_log);
	e->asked = pg_submit(e->pg, &q, 1, epoch_on_told, e);
}

static void epoch_on_migrated(void *arg, const struct pg_reply *reply)
{
	struct epoch *e = arg;
	e->asked = false;
	if (reply->err.kind != ERR_KIND_OK)
		return;
	if (*PQgetvalue(reply->results[0], 0, 0))
		epoch_ask(e);
	else
		atomic_store(&e->number, UNMIGRATED);
}

static void epoch_on_timer(void *arg)
{
	struct epoch *e = arg;
	const struct pg_query q = pg_statement_query(&bookkeeping_migrated);
	loop_timer_start(e->timer, epoch_known(e) ? AGAIN : SOON);
	if (e->asked || epoch_is_other(e))
		return;
	if (epoch_known(e))
		epoch_ask(e);
	else
		e->asked = pg_submit(e->pg, &q, 1, epoch_on_migrated, e);
}

static void epoch_on_state(void *arg, bool ready)
{
	struct epoch *e = arg;
	if (ready)
		loop_timer_start(e->timer, 0);
}

struct epoch *epoch_new(struct instance *instance)
{
	struct epoch *e = MEM_NEW(struct epoch);
	e->instance = instance;
	atomic_store(&e->number, UNKNOWN);
	e->timer = loop_timer_new(instance->loop, epoch_on_timer, e);
	const struct pg_options o = {
	    .loop = instance->loop,
	    .name = "primary",
	    .url = instance->settings->common.primary_url,
	    .session = "read-write",
	    .connect_timeout = CLOCK_S(3),
	    .query_timeout = instance->settings->pg_timeout,
	    .state = epoch_on_state,
	    .arg = e,
	};
	e->pg = pg_new(&o);
	return e;
}

bool epoch_position(const struct instance *instance, int32_t partition,
    int64_t offset, version_t *out)
{
	int64_t number = atomic_load(&instance->epoch->number);
	if (number < 0 || offset < 0 ||
	    version_epoch(tail_through(instance->tail, partition)) > number)
		return false;
	*out = version_make((uint32_t)number, offset);
	return true;
}

bool epoch_now(const struct instance *instance, uint32_t *out)
{
	int64_t number = atomic_load(&instance->epoch->number);
	for (int32_t p = 0; p < instance->partitions; p++) {
		if (number < version_epoch(tail_through(instance->tail, p)))
			return false;
	}
	*out = (uint32_t)number;
	return true;
}

struct pg *epoch_pg(const struct epoch *e)
{
	return e->pg;
}

bool epoch_is_other(const struct epoch *e)
{
	return atomic_load(&e->number) == OTHER;
}

bool epoch_is_unmigrated(const struct epoch *e)
{
	return atomic_load(&e->number) == UNMIGRATED;
}

bool epoch_known(const struct epoch *e)
{
	return atomic_load(&e->number) >= 0;
}

void epoch_free(struct epoch **ep)
{
	struct epoch *e = *ep;
	if (e == NULL)
		return;
	pg_free(&e->pg);
	loop_timer_free(&e->timer);
	free(e);
	*ep = NULL;
}
