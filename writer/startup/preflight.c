#include "writer/startup/preflight.h"

#include "common/postgres/pg_params.h"
#include "writer/core/pg_request.h"
#include "writer/decide/fingerprints.h"
#include "writer/decide/judges.h"
#include "writer/rejections/orders.h"
#include "writer/startup/topic_checks.h"
#include "writer/startup/topics.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/postgres/pg_binary.h"
#include "common/postgres/pg_pool.h"
#include "common/postgres/sqlstate.h"
#include "common/sql/bookkeeping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A broker that does not answer blocks this loop for so long. Before the start,
 * the loop only serves the admin port. */
#define KAFKA_TIMEOUT CLOCK_MS(500)

enum { UNANSWERED = 4 }; /* then it goes on without */

struct preflight {
	struct context *x;
	struct topics *topics;
	struct pg_request *ask;
	struct loop_timer *timer;
	unsigned unanswered; /* questions about a topic's setting */
	bool unchecked;	     /* so they are not checked, which was said */
	dur_us_t pause;	     /* before it asks again */
	bool migrated;	     /* the tables are there that are asked next */
	bool schema_ok;
	char *cluster; /* that Postgres knows; "" for none */
	char waits_for[200];
	preflight_done done;
	void *arg;
};

/* Logs a reason once, and asks again: soon at first, then every second. */
static void preflight_later(struct preflight *s, const char *what)
{
	if (strcmp(s->waits_for, what) != 0)
		log_event(EV_START_WAIT, "for=%s", log_quote(what));
	snprintf(s->waits_for, sizeof s->waits_for, "%s", what);
	loop_timer_start(s->timer, s->pause);
	s->pause = s->pause < CLOCK_S(1) / 2 ? 2 * s->pause : CLOCK_S(1);
}

static void preflight_finish(struct preflight *s, const struct err *e)
{
	s->waits_for[0] = '\0';
	s->done(s->arg, e);
}

static void preflight_on_noted(void *arg, const struct pg_reply *reply)
{
	(void)reply; /* the next start tries again */
	struct preflight *s = arg;
	s->ask = NULL;
}

/* The first start notes whose log it is. */
static void note_cluster(struct preflight *s, const char *found)
{
	struct pg_params c = pg_statement_params(&bookkeeping_note_cluster);
	pg_params_text(&c, found);
	const struct pg_query q = pg_params_query(&c);
	s->ask = pg_request_submit(s->x->pool, &q, 1, preflight_on_noted, s);
	pg_params_free(&c);
}

static struct err check_topic(struct preflight *s, const char *topic)
{
	const struct common_settings *c = &s->x->settings->common;
	int count;
	struct err e = topics_count(s->topics, topic, KAFKA_TIMEOUT, &count);
	if (e.kind != ERR_KIND_OK)
		return e;
	if (count == 0)
		return err_make(ERR_KIND_RETRY, "topic",
		    "topic %s does not exist: run sluice-writer --migrate",
		    topic);
	/* --drain accepts a topic that has grown, so that one can move away
	 * from it. Of the topic of the ids only the first partition is used. */
	if ((s->x->emptying && count > (int)c->partitions) ||
	    strcmp(topic, c->ids_topic) == 0)
		return ERR_OK;
	return topic_checks_topic(topic, count, (int)c->partitions);
}

/* Kafka does not return the settings of a topic, although it knows the topic.
 */
static struct err preflight_go_without(struct preflight *s, const struct err *e)
{
	s->unanswered++;
	if (e->kind == ERR_KIND_RETRY && s->unanswered < UNANSWERED)
		return *e;
	log_event(
	    EV_LOG_UNCHECKED, "code=%s error=%s", e->code, log_quote(e->msg));
	s->unchecked = true;
	return ERR_OK;
}

static struct err preflight_check_setting(
    struct preflight *s, const char *topic, const char *name)
{
	char *value;
	if (s->unchecked)
		return ERR_OK;
	struct err e =
	    topics_setting(s->topics, topic, name, KAFKA_TIMEOUT, &value);
	e = e.kind == ERR_KIND_OK ? topic_checks_setting(topic, name, value)
				  : preflight_go_without(s, &e);
	free(value);
	return e;
}

static struct err preflight_check_settings(
    struct preflight *s, const char *topic, const char *const *names)
{
	struct err e = check_topic(s, topic);
	for (; *names && e.kind == ERR_KIND_OK; names++)
		e = preflight_check_setting(s, topic, *names);
	return e;
}

/* Is there room in a message for the largest document? */
static struct err check_room(struct preflight *s, const char *topic)
{
	size_t most = (size_t)s->x->settings->common.document_max;
	const struct kafka_config *k = &s->x->kafka;
	char *max, whose[160];
	for (size_t i = 0; i < k->nextra; i++) {
		if (strcmp(k->extra[i].name, "message.max.bytes") != 0)
			continue;
		struct err e = topic_checks_room(
		    "kafka.message.max.bytes", k->extra[i].value, most);
		if (e.kind != ERR_KIND_OK)
			return e;
	}
	if (s->unchecked)
		return ERR_OK;
	struct err e = topics_setting(
	    s->topics, topic, "max.message.bytes", KAFKA_TIMEOUT, &max);
	snprintf(whose, sizeof whose, "max.message.bytes of the topic %.120s",
	    topic);
	e = e.kind == ERR_KIND_OK ? topic_checks_room(whose, max, most)
				  : preflight_go_without(s, &e);
	free(max);
	return e;
}

/* This is only logged: writes are applied anyway. */
static struct err check_lag(struct preflight *s, const char *topic)
{
	char *lag;
	if (s->unchecked)
		return ERR_OK;
	struct err e = topics_setting(
	    s->topics, topic, "min.compaction.lag.ms", KAFKA_TIMEOUT, &lag);
	if (e.kind != ERR_KIND_OK)
		return preflight_go_without(s, &e);
	if (!topic_checks_lag(lag))
		log_event(EV_LOG_LAG,
		    "topic=%s min.compaction.lag.ms=%s "
		    "command=\"kafka-configs.sh --alter --topic %s "
		    "--add-config min.compaction.lag.ms=86400000\"",
		    topic, log_quote(lag), topic);
	free(lag);
	return ERR_OK;
}

static struct err check_cluster(struct preflight *s)
{
	char *found = topics_cluster(s->topics, KAFKA_TIMEOUT);
	if (found == NULL)
		return err_make(
		    ERR_KIND_RETRY, "cluster", "no cluster id was reported");
	struct err e = topic_checks_cluster(s->cluster, found);
	if (e.kind == ERR_KIND_OK && s->cluster[0] == '\0')
		note_cluster(s, found);
	free(found);
	return e;
}

static void check_topics(struct preflight *s)
{
	const struct common_settings *c = &s->x->settings->common;
	struct err e = ERR_OK;
	if (s->topics == NULL)
		e = topics_new(&s->x->kafka, &s->topics);
	if (e.kind == ERR_KIND_OK)
		e = preflight_check_settings(
		    s, c->writes_topic, topic_checks_of_writes);
	if (e.kind == ERR_KIND_OK)
		e = preflight_check_settings(
		    s, c->ids_topic, topic_checks_of_ids);
	if (e.kind == ERR_KIND_OK)
		e = check_topic(s, c->commits_topic);
	if (e.kind == ERR_KIND_OK)
		e = check_room(s, c->commits_topic);
	if (e.kind == ERR_KIND_OK)
		e = check_lag(s, c->commits_topic);
	if (e.kind == ERR_KIND_OK)
		e = check_cluster(s);
	if (e.kind == ERR_KIND_RETRY) {
		char text[sizeof s->waits_for];
		snprintf(text, sizeof text, "kafka: %.180s", e.msg);
		preflight_later(s, text);
		return;
	}
	topics_free(&s->topics);
	preflight_finish(s, &e);
}

static struct err preflight_check_log(struct preflight *s, const PGresult *r)
{
	const struct common_settings *c = &s->x->settings->common;
	struct err e = topic_checks_schema(pg_int4(r, 0, 3));
	if (e.kind == ERR_KIND_OK)
		e = topic_checks_epoch_number(pg_int4(r, 0, 2));
	if (e.kind != ERR_KIND_OK)
		return e;
	s->x->epoch = (uint32_t)pg_int4(r, 0, 2);
	free(s->cluster);
	s->cluster = mem_strdup(PQgetvalue(r, 0, 4));
	return topic_checks_settings(PQgetvalue(r, 0, 0), pg_int4(r, 0, 1), c);
}

/* A table without its columns and constraints is not usable. */
static bool check_shapes(struct preflight *s, const PGresult *r)
{
	char text[sizeof s->waits_for];
	fingerprints_free(&s->x->shapes);
	s->x->shapes = fingerprints_read(r);
	const struct collection *missing = fingerprints_missing(s->x->shapes);
	s->schema_ok = missing == NULL;
	if (s->schema_ok)
		return true;
	snprintf(text, sizeof text,
	    "postgres: the declaration of %s is not migrated: run "
	    "sluice-writer --migrate",
	    missing->name);
	preflight_later(s, text);
	return false;
}

static void preflight_on_log(void *arg, const struct pg_reply *reply)
{
	struct preflight *s = arg;
	char text[sizeof s->waits_for];
	s->ask = NULL;
	if (reply->err.kind == ERR_KIND_OK &&
	    PQntuples(reply->results[0]) == 1) {
		struct err e = preflight_check_log(s, reply->results[0]);
		orders_read(s->x->orders, reply->results[2]);
		judges_read(s->x->judges, reply->results[3]);
		if (e.kind != ERR_KIND_OK)
			preflight_finish(s, &e);
		else if (check_shapes(s, reply->results[1]))
			check_topics(s);
		return;
	}
	bool missing = reply->err.kind == ERR_KIND_OK ||
		       sqlstate_is_unmigrated(reply->err.code);
	s->migrated = s->migrated && !missing;
	snprintf(text, sizeof text, "postgres: %.100s%s", reply->err.msg,
	    missing ? ": run sluice-writer --migrate" : "");
	preflight_later(s, text);
}

static void preflight_on_migrated(void *arg, const struct pg_reply *reply)
{
	struct preflight *s = arg;
	char text[sizeof s->waits_for];
	s->ask = NULL;
	bool told = reply->err.kind == ERR_KIND_OK;
	s->migrated = told && *PQgetvalue(reply->results[0], 0, 0);
	if (s->migrated) {
		loop_timer_start(s->timer, 0);
		return;
	}
	snprintf(text, sizeof text, "postgres: %.100s",
	    told ? "schema sluice does not exist: run sluice-writer --migrate"
		 : reply->err.msg);
	preflight_later(s, text);
}

static void preflight_ask_postgres(struct preflight *s)
{
	const struct pg_query migrated =
	    pg_statement_query(&bookkeeping_migrated);
	struct pg_params judges = judges_call();
	const struct pg_query log[] = {
	    pg_statement_query(&bookkeeping_log_cluster),
	    pg_statement_query(&bookkeeping_collections),
	    pg_statement_query(&bookkeeping_orders), pg_params_query(&judges)};
	s->ask = s->migrated ? pg_request_submit(
				   s->x->pool, log, 4, preflight_on_log, s)
			     : pg_request_submit(s->x->pool, &migrated, 1,
				   preflight_on_migrated, s);
	pg_params_free(&judges);
	if (s->ask)
		return;
	char text[sizeof s->waits_for];
	snprintf(
	    text, sizeof text, "postgres: %.180s", pg_pool_error(s->x->pool));
	preflight_later(s, text);
}

static void preflight_on_timer(void *arg)
{
	struct preflight *s = arg;
	if (s->schema_ok)
		check_topics(s);
	else
		preflight_ask_postgres(s);
}

struct preflight *preflight_new(
    struct context *x, preflight_done done, void *arg)
{
	struct preflight *s = MEM_NEW(struct preflight);
	s->x = x;
	s->done = done;
	s->arg = arg;
	s->timer = loop_timer_new(x->loop, preflight_on_timer, s);
	/* The first connection takes a moment: not worth a line. */
	s->pause = CLOCK_MS(50);
	loop_timer_start(s->timer, s->pause);
	snprintf(s->waits_for, sizeof s->waits_for, "postgres: %s",
	    pg_pool_error(x->pool));
	return s;
}

const char *preflight_waits_for(const struct preflight *s)
{
	return s->waits_for;
}

void preflight_free(struct preflight **sp)
{
	struct preflight *s = *sp;
	if (s == NULL)
		return;
	pg_request_cancel(&s->ask);
	topics_free(&s->topics);
	free(s->cluster);
	loop_timer_free(&s->timer);
	free(s);
	*sp = NULL;
}
