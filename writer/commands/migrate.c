/* --migrate only adds, and is idempotent, so it may run before every start. Two
 * runs at once are safe: the schema is made in one transaction under an
 * advisory lock, and a topic that another run has just created is accepted.
 *
 * A topic with another number of partitions is never changed: this number is
 * part of the data (docs/design.md 7).
 */
#include "writer/commands/migrate.h"

#include "writer/commands/tables.h"
#include "writer/core/pg_blocking.h"
#include "writer/startup/topic_checks.h"
#include "writer/startup/topics.h"

#include "common/base/check.h"
#include "common/base/units.h"
#include "common/log/stored_formats.h"
#include "common/sql/bookkeeping.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WEEK_S = 7 * 24 * 3600, DAY_S = 24 * 3600 };
static int migrate_fail(const struct err *e)
{
	fprintf(stderr, "migrate: %s (%s)\n", e->msg, e->code);
	return EXIT_FAILURE;
}

/* --- topics -------------------------------------------------------------- */

static struct err count_patiently(
    struct topics *t, struct patience *p, const char *topic, int *count)
{
	struct err e;
	do {
		e = topics_count(t, topic, CLOCK_S(2), count);
	} while (e.kind == ERR_KIND_RETRY && patience_wait(p, "Kafka", e.msg));
	return e;
}

static void print_plan(const struct topic_plan *p)
{
	printf("create topic %s: %d partitions, %d replicas", p->name,
	    p->partitions, p->replication);
	for (const struct topic_config *c = p->configs; c->name; c++)
		printf(", %s=%s", c->name, c->value);
	printf("\n");
}

static struct err create_patiently(
    struct topics *t, struct patience *patience, const struct topic_plan *p)
{
	struct err e;
	do {
		e = topics_create(t, p, CLOCK_S(10));
	} while (e.kind == ERR_KIND_RETRY &&
		 patience_wait(patience, "Kafka", e.msg));
	return e;
}

static struct err migrate_check_setting(
    struct topics *t, struct patience *p, const char *topic, const char *name)
{
	char *value;
	struct err e;
	do {
		e = topics_setting(t, topic, name, CLOCK_S(2), &value);
	} while (e.kind == ERR_KIND_RETRY && patience_wait(p, "Kafka", e.msg));
	if (e.kind == ERR_KIND_REJECT || e.kind == ERR_KIND_RETRY) {
		printf("%s is not checked: %s\n", name, e.msg);
		return ERR_OK;
	}
	if (e.kind == ERR_KIND_OK)
		e = topic_checks_setting(topic, name, value);
	free(value);
	return e;
}

static struct err migrate_check_settings(
    struct topics *t, struct patience *p, const struct topic_plan *plan)
{
	struct err e = ERR_OK;
	for (const char *const *name = plan->checked;
	     name && *name && e.kind == ERR_KIND_OK; name++)
		e = migrate_check_setting(t, p, plan->name, *name);
	return e;
}

static struct err make_topic(struct topics *t, struct patience *patience,
    const struct topic_plan *p, bool dry)
{
	int count;
	struct err e = count_patiently(t, patience, p->name, &count);
	if (e.kind != ERR_KIND_OK)
		return e;
	if (count == p->partitions || (count > 0 && p->any_partitions)) {
		printf("topic %s exists\n", p->name);
		return migrate_check_settings(t, patience, p);
	}
	if (count != 0)
		return err_make(ERR_KIND_FATAL, "partitions",
		    "topic %s has %d partitions, but log.partitions is %d: set "
		    "it to %d; the number of partitions of a log never changes",
		    p->name, count, p->partitions, count);
	print_plan(p);
	return dry ? ERR_OK : create_patiently(t, patience, p);
}

struct err migrate_topics(struct topics *t, struct patience *patience,
    const struct writer_settings *s, bool dry)
{
	char retention[32], week[32], day[32];
	snprintf(retention, sizeof retention, "%" PRId64, s->retention / 1000);
	snprintf(week, sizeof week, "%" PRId64, CLOCK_S(WEEK_S) / 1000);
	snprintf(day, sizeof day, "%" PRId64, CLOCK_S(DAY_S) / 1000);
	const struct topic_config writes[] = {{"cleanup.policy", "delete"},
	    {"retention.ms", retention}, {"max.message.bytes", "16777216"},
	    {NULL, NULL}};
	/* Consumers rely on this: every record stays for a day, every tombstone
	 * for a week. A canonical document is a little longer than the one that
	 * the client sent. */
	const struct topic_config commits[] = {{"cleanup.policy", "compact"},
	    {"delete.retention.ms", week}, {"min.compaction.lag.ms", day},
	    {"max.message.bytes", "16777216"}, {NULL, NULL}};
	/* Its records are needed for ever. */
	const struct topic_config ids[] = {{"cleanup.policy", "delete"},
	    {"retention.ms", "-1"}, {"retention.bytes", "-1"}, {NULL, NULL}};
	int partitions = (int)s->common.partitions;
	int replication = (int)s->replication;
	const struct topic_plan plans[] = {
	    {s->common.writes_topic, partitions, replication, writes,
		topic_checks_of_writes, false},
	    {s->common.commits_topic, partitions, replication, commits, NULL,
		false},
	    {s->common.ids_topic, 1, replication, ids, topic_checks_of_ids,
		true}};
	struct err e = ERR_OK;
	for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
		if (e.kind == ERR_KIND_OK)
			e = make_topic(t, patience, &plans[i], dry);
	}
	return e;
}

/* --- schema -------------------------------------------------------------- */

/* Does the database belong to the log of the settings? */
static struct err migrate_check_log(PGconn *c, const struct writer_settings *s)
{
	PGresult *r = PQexec(c, bookkeeping_log.sql);
	struct err e = ERR_OK;
	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1)
		e = pg_blocking_failed(c);
	else if (strcmp(PQgetvalue(r, 0, 0), s->common.writes_topic) != 0 ||
		 atoi(PQgetvalue(r, 0, 1)) != s->common.partitions)
		e = err_make(ERR_KIND_FATAL, "log",
		    "the database belongs to the log '%s' with %s partitions, "
		    "but log.writes and log.partitions name '%s' with %d",
		    PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1),
		    s->common.writes_topic, (int)s->common.partitions);
	PQclear(r);
	return e;
}

struct roles migrate_roles(const struct writer_settings *s)
{
	return (struct roles){s->role_migrate, s->role_writer, s->role_reader};
}

/* The tables may be new. */
static struct err give_rights(
    PGconn *c, const struct writer_settings *s, bool dry)
{
	const struct roles roles = migrate_roles(s);
	struct buf sql = {0};
	roles_rights(&sql, &roles);
	if (dry)
		printf("%s", sql.data);
	struct err e = dry ? ERR_OK : pg_blocking_run(c, sql.data);
	buf_free(&sql);
	return e;
}

/* The script of this version would take back what a newer one has made. */
static struct err check_format(PGconn *c)
{
	struct err e = ERR_OK;
	PGresult *migrated = PQexec(c, bookkeeping_migrated.sql);
	if (PQresultStatus(migrated) != PGRES_TUPLES_OK)
		e = pg_blocking_failed(c);
	bool there =
	    e.kind == ERR_KIND_OK && *PQgetvalue(migrated, 0, 0) == 't';
	PQclear(migrated);
	if (!there)
		return e;
	PGresult *r = PQexec(c, bookkeeping_schema_format.sql);
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		e = pg_blocking_failed(c);
	else if (PQntuples(r) == 1 && atoi(PQgetvalue(r, 0, 0)) > STORED_SCHEMA)
		e = err_make(ERR_KIND_FATAL, "schema.newer",
		    "a newer version has migrated the schema sluice to format "
		    "%s; this version knows up to %d: run --migrate of the "
		    "newer version",
		    PQgetvalue(r, 0, 0), STORED_SCHEMA);
	PQclear(r);
	return e;
}

static struct err make_schema(
    PGconn *c, const struct writer_settings *s, bool triggers)
{
	struct buf sql = {0};
	bookkeeping_schema(
	    &sql, s->common.writes_topic, (int)s->common.partitions);
	struct err e = pg_blocking_run(c, "BEGIN; " PG_BLOCKING_LOCK);
	if (e.kind == ERR_KIND_OK)
		e = check_format(c);
	if (e.kind == ERR_KIND_OK)
		e = pg_blocking_run(c, sql.data);
	if (e.kind == ERR_KIND_OK)
		e = migrate_check_log(c, s);
	if (e.kind == ERR_KIND_OK)
		e = tables_migrate(c, false, triggers);
	if (e.kind == ERR_KIND_OK)
		e = give_rights(c, s, false);
	if (e.kind == ERR_KIND_OK)
		e = pg_blocking_run(c, "COMMIT");
	buf_free(&sql);
	return e;
}

/* Reads the database, too: what exists decides what is missing. */
static struct err print_schema(
    PGconn *c, const struct writer_settings *s, bool triggers)
{
	struct buf sql = {0};
	bookkeeping_schema(
	    &sql, s->common.writes_topic, (int)s->common.partitions);
	printf("\n%s", sql.data);
	buf_free(&sql);
	struct err e = pg_blocking_run(c, "BEGIN");
	if (e.kind == ERR_KIND_OK)
		e = check_format(c);
	if (e.kind == ERR_KIND_OK)
		e = tables_migrate(c, true, triggers);
	if (e.kind == ERR_KIND_OK)
		e = give_rights(c, s, true);
	if (e.kind == ERR_KIND_OK)
		e = pg_blocking_run(c, "ROLLBACK");
	return e;
}

static struct err migrate_schema(const struct writer_settings *s,
    struct patience *p, bool dry, bool triggers)
{
	PGconn *c;
	struct err e = pg_blocking_open(s->common.primary_url, p, &c);
	if (e.kind == ERR_KIND_OK)
		e = dry ? print_schema(c, s, triggers)
			: make_schema(c, s, triggers);
	if (e.kind == ERR_KIND_OK && !dry)
		printf("the schema is up to date\n");
	PQfinish(c);
	return e;
}

int migrate(const struct config *config, const struct writer_settings *s,
    bool dry, bool triggers)
{
	struct kafka_config kafka = config_kafka(config);
	struct patience patience = patience_of(s->wait);
	struct topics *t;
	struct err e = topics_new(&kafka, &t);
	if (e.kind == ERR_KIND_OK)
		e = migrate_topics(t, &patience, s, dry);
	topics_free(&t);
	/* The topics are checked first: the schema of another log must not be
	 * changed. */
	if (e.kind == ERR_KIND_OK)
		e = migrate_schema(s, &patience, dry, triggers);
	return e.kind == ERR_KIND_OK ? EXIT_SUCCESS : migrate_fail(&e);
}

/* --- roles --------------------------------------------------------------- */

static struct err run_script(const struct writer_settings *s, const char *sql)
{
	struct patience patience = patience_of(s->wait);
	PGconn *c;
	struct err e = pg_blocking_open(s->common.primary_url, &patience, &c);
	if (e.kind == ERR_KIND_OK)
		e = pg_blocking_run(c, "BEGIN; " PG_BLOCKING_LOCK);
	if (e.kind == ERR_KIND_OK)
		e = pg_blocking_run(c, sql);
	if (e.kind == ERR_KIND_OK)
		e = pg_blocking_run(c, "COMMIT");
	PQfinish(c);
	return e;
}

int migrate_grants(const struct writer_settings *s, bool apply)
{
	const struct roles roles = migrate_roles(s);
	struct buf sql = {0};
	struct err e = ERR_OK;
	roles_script(&sql, &roles);
	if (apply)
		e = run_script(s, sql.data);
	else
		printf("%s", sql.data);
	if (apply && e.kind == ERR_KIND_OK)
		printf("the roles %s, %s and %s are set up\n", roles.migrate,
		    roles.writer, roles.reader);
	buf_free(&sql);
	return e.kind == ERR_KIND_OK ? EXIT_SUCCESS : migrate_fail(&e);
}
