/* The next epoch makes every version of the new log larger than every one of
 * the old, whatever Kafka's offsets do. In one transaction: sluice.log names
 * the log of the settings, and the watermarks stand where it is to be read
 * from:
 *
 *   another topic                   at its beginning
 *   the same, and it holds the      where it was: nothing is wrong with it
 *   next offset
 *   the same, made again or cut,    at its beginning: what it holds now was
 *   or overrun by the retention     never applied
 *
 * The old topic must be drained before it is left, if it is still there. A
 * writer that still runs is fenced by the watermarks, reads the new epoch and
 * stops.
 */
#include "writer/epoch.h"

#include "writer/migrate.h"
#include "writer/session.h"

#include "common/buf.h"
#include "common/check.h"
#include "common/mem.h"
#include "common/version.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT CLOCK_S(10)

struct move {
	const struct writer_settings *s;
	struct topics *topics;
	PGconn *c;
	char *old_topic; /* owned */
	int old_partitions;
	uint32_t epoch;	  /* the next one */
	int64_t *next;	  /* by partition of the old log: not applied yet */
	version_t *begin; /* by partition of the new one */
	char *cluster;	  /* owned */
};

static bool is_same(const struct move *m)
{
	return strcmp(m->old_topic, m->s->common.writes_topic) == 0;
}

/* --- what Postgres says -------------------------------------------------- */

static struct err read_log(struct move *m)
{
	struct err e = ERR_OK;
	PGresult *r =
	    PQexec(m->c, "SELECT topic, partitions, epoch FROM sluice.log");
	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1) {
		e = session_failed(m->c);
	} else {
		m->old_topic = mem_strdup(PQgetvalue(r, 0, 0));
		m->old_partitions = atoi(PQgetvalue(r, 0, 1));
		m->epoch = (uint32_t)atoi(PQgetvalue(r, 0, 2)) + 1;
	}
	PQclear(r);
	return e;
}

static struct err read_progress(struct move *m)
{
	struct err e = ERR_OK;
	size_t n = (size_t)m->old_partitions;
	m->next = mem_zalloc((n + 1) * sizeof *m->next);
	PGresult *r = PQexec(m->c,
	    "SELECT \"partition\", next_offset FROM sluice.progress"
	    " ORDER BY \"partition\" FOR UPDATE");
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		e = session_failed(m->c);
	for (int row = 0; e.verdict == VERDICT_OK && row < PQntuples(r);
	     row++) {
		int partition = atoi(PQgetvalue(r, row, 0));
		version_t v = strtoull(PQgetvalue(r, row, 1), NULL, 10);
		if (partition >= 0 && partition < m->old_partitions)
			m->next[partition] = version_offset(v);
	}
	PQclear(r);
	return e;
}

/* --- what Kafka says ----------------------------------------------------- */

static struct err check_drained(struct move *m)
{
	int count = 0;
	int64_t left = 0;
	struct err e = topics_count(m->topics, m->old_topic, TIMEOUT, &count);
	for (int p = 0; e.verdict == VERDICT_OK && p < count; p++) {
		int64_t low, high;
		e = topics_ends(
		    m->topics, m->old_topic, p, TIMEOUT, &low, &high);
		if (p < m->old_partitions && high > m->next[p])
			left += high - m->next[p];
	}
	if (e.verdict != VERDICT_OK || left == 0)
		return e;
	return err_make(VERDICT_FATAL, "drain",
	    "%" PRId64 " writes of %s are not applied yet: stop the api, let "
	    "the writer drain them with the old settings, then come back",
	    left, m->old_topic);
}

static struct err find_begin(struct move *m, int32_t p)
{
	int64_t low, high;
	struct err e = topics_ends(
	    m->topics, m->s->common.writes_topic, p, TIMEOUT, &low, &high);
	if (e.verdict != VERDICT_OK)
		return e;
	int64_t at = low;
	if (is_same(m) && p < m->old_partitions && m->next[p] >= low &&
	    m->next[p] <= high)
		at = m->next[p];
	m->begin[p] = version_make(m->epoch, at);
	printf("partition %d: begins at offset %" PRId64 " of %" PRId64
	       "..%" PRId64 "\n",
	    p, at, low, high);
	return ERR_OK;
}

static struct err ask_kafka(struct move *m, bool dry)
{
	size_t n = (size_t)m->s->common.partitions;
	m->begin = mem_zalloc(n * sizeof *m->begin);
	struct err e = is_same(m) ? ERR_OK : check_drained(m);
	if (e.verdict == VERDICT_OK)
		e = migrate_topics(m->topics, m->s, dry);
	int count = 0;
	if (e.verdict == VERDICT_OK)
		e = topics_count(
		    m->topics, m->s->common.writes_topic, TIMEOUT, &count);
	for (size_t p = 0; p < n && e.verdict == VERDICT_OK; p++) {
		m->begin[p] = version_make(m->epoch, 0);
		if (count)
			e = find_begin(m, (int32_t)p);
	}
	if (e.verdict == VERDICT_OK)
		m->cluster = topics_cluster(m->topics, TIMEOUT);
	return e;
}

/* --- the move ------------------------------------------------------------ */

static void quote(PGconn *c, struct buf *out, const char *s)
{
	char *text = PQescapeLiteral(c, s, strlen(s));
	CHECK(text != NULL);
	buf_str(out, text);
	PQfreemem(text);
}

static void write_sql(const struct move *m, struct buf *out)
{
	const struct common_settings *s = &m->s->common;
	buf_str(out, "UPDATE sluice.log SET topic = ");
	quote(m->c, out, s->writes_topic);
	buf_printf(out,
	    ", partitions = %d, epoch = %u, cluster = ", (int)s->partitions,
	    m->epoch);
	if (m->cluster)
		quote(m->c, out, m->cluster);
	else
		buf_str(out, "NULL");
	buf_printf(out,
	    ";\nDELETE FROM sluice.progress WHERE \"partition\" >= %d;\n",
	    (int)s->partitions);
	for (int64_t p = 0; p < s->partitions; p++)
		buf_printf(out,
		    "INSERT INTO sluice.progress (\"partition\", next_offset)"
		    " VALUES (%d, %" PRIu64 ") ON CONFLICT (\"partition\")"
		    " DO UPDATE SET next_offset = excluded.next_offset;\n",
		    (int)p, m->begin[p]);
}

static struct err move(struct move *m, bool dry)
{
	struct err e = session_run(m->c, "BEGIN; " SESSION_LOCK);
	if (e.verdict == VERDICT_OK)
		e = read_log(m);
	if (e.verdict == VERDICT_OK)
		e = read_progress(m);
	if (e.verdict == VERDICT_OK)
		e = ask_kafka(m, dry);
	if (e.verdict != VERDICT_OK)
		return e;
	struct buf sql = {0};
	write_sql(m, &sql);
	printf("from %s to %s, epoch %u\n%s", m->old_topic,
	    m->s->common.writes_topic, m->epoch, dry ? sql.data : "");
	if (!dry)
		e = session_run(m->c, sql.data);
	if (!dry && e.verdict == VERDICT_OK)
		e = session_run(m->c, "COMMIT");
	buf_free(&sql);
	return e;
}

int epoch_advance(
    const struct config *config, const struct writer_settings *s, bool dry)
{
	struct kafka_config kafka = kafka_config(config, &s->common);
	struct move m = {.s = s};
	struct err e = topics_new(&kafka, &m.topics);
	if (e.verdict == VERDICT_OK)
		e = session_open(s->common.primary_url, &m.c);
	if (e.verdict == VERDICT_OK)
		e = move(&m, dry);
	PQfinish(m.c);
	topics_free(&m.topics);
	free(m.old_topic);
	free(m.next);
	free(m.begin);
	free(m.cluster);
	if (e.verdict == VERDICT_OK)
		return EXIT_SUCCESS;
	fprintf(stderr, "advance-epoch: %s (%s)\n", e.msg, e.code);
	return EXIT_FAILURE;
}
