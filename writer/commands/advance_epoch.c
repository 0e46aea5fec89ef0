/* With the next epoch, every version of the new log is larger than every
 * version of the old one, whatever Kafka's offsets are. One transaction sets
 * sluice.log to the log of the settings, and the watermarks to where the log
 * must be read from:
 *
 *   another topic                   its beginning
 *   the same, and it holds the      where it was: nothing is wrong with it
 *   next offset
 *   the same, and overrun by the    its beginning: what it holds now was
 *   retention, or empty             never applied
 *   the same, created again         its beginning, if the operator says that
 *                                   it was created again
 *
 * If a log ends before a watermark, it was cut (its records were applied) or
 * created again (they were never applied). Offsets do not show which. A wrong
 * choice would apply increments twice, or drop writes. So the operator must say
 * which, unless the log is empty.
 *
 * If the old topic still exists, it must be drained before the move. The
 * watermarks fence a writer that still runs; it reads the new epoch and stops.
 * sluice.epochs records which versions no log has any more.
 *
 * A new partition may have existed before, in a larger log. Outcomes that its
 * rejections do not show (any more) are not known.
 */
#include "writer/commands/advance_epoch.h"

#include "writer/commands/migrate.h"
#include "writer/core/pg_blocking.h"
#include "writer/startup/log_offsets.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/log/version.h"
#include "common/sql/bookkeeping.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT CLOCK_S(10)

struct advance_epoch_move {
	const struct writer_settings *s;
	struct patience patience;
	struct topics *topics;
	PGconn *c;
	char *old_topic; /* owned */
	int old_partitions;
	bool made_again;
	uint32_t epoch;	 /* the next one */
	version_t *next; /* by partition of the old log: not applied yet */
	struct log_offsets_of *now; /* by partition of the new one */
	version_t *begin;	    /* likewise */
	char *cluster;		    /* owned */
};

static bool is_same(const struct advance_epoch_move *m)
{
	return strcmp(m->old_topic, m->s->common.writes_topic) == 0;
}

/* --- what Postgres says -------------------------------------------------- */

static struct err read_log(struct advance_epoch_move *m)
{
	struct err e = ERR_OK;
	PGresult *r = PQexec(m->c, bookkeeping_log.sql);
	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1) {
		e = pg_blocking_failed(m->c);
	} else {
		m->old_topic = mem_strdup(PQgetvalue(r, 0, 0));
		m->old_partitions = atoi(PQgetvalue(r, 0, 1));
		m->epoch = (uint32_t)atoi(PQgetvalue(r, 0, 2)) + 1;
	}
	PQclear(r);
	return e;
}

static struct err read_progress(struct advance_epoch_move *m)
{
	struct err e = ERR_OK;
	size_t n = (size_t)m->old_partitions;
	m->next = mem_zalloc((n + 1) * sizeof *m->next);
	PGresult *r = PQexec(m->c, bookkeeping_progress_locked.sql);
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		e = pg_blocking_failed(m->c);
	for (int row = 0; e.kind == ERR_KIND_OK && row < PQntuples(r); row++) {
		int partition = atoi(PQgetvalue(r, row, 0));
		version_t v = strtoull(PQgetvalue(r, row, 1), NULL, 10);
		if (partition >= 0 && partition < m->old_partitions)
			m->next[partition] = v;
	}
	PQclear(r);
	return e;
}

/* --- what Kafka says ----------------------------------------------------- */

static int64_t next_offset(const struct advance_epoch_move *m, int32_t p)
{
	return version_offset(m->next[p]);
}

/* A topic that was just created has no leader yet. */
static struct err advance_epoch_ask_ends(struct advance_epoch_move *m,
    const char *topic, int32_t p, struct log_offsets_of *out)
{
	struct err e;
	*out = (struct log_offsets_of){.partition = p};
	do {
		e = topics_ends(
		    m->topics, topic, p, TIMEOUT, &out->low, &out->high);
	} while (e.kind == ERR_KIND_RETRY &&
		 patience_wait(&m->patience, "Kafka", e.msg));
	return e;
}

static struct err advance_epoch_check_drained(struct advance_epoch_move *m)
{
	int count = 0;
	int64_t left = 0;
	struct err e = topics_count(m->topics, m->old_topic, TIMEOUT, &count);
	for (int p = 0; e.kind == ERR_KIND_OK && p < count; p++) {
		struct log_offsets_of at;
		e = advance_epoch_ask_ends(m, m->old_topic, p, &at);
		if (e.kind != ERR_KIND_OK || p >= m->old_partitions)
			continue;
		if (at.high > next_offset(m, p))
			left += at.high - next_offset(m, p);
		else if (at.high < next_offset(m, p))
			printf("partition %d of %s ends at offset %" PRId64
			       ", and %" PRId64 " is next: what it holds is "
			       "left behind\n",
			    p, m->old_topic, at.high, next_offset(m, p));
	}
	if (e.kind != ERR_KIND_OK || left == 0)
		return e;
	return err_make(ERR_KIND_FATAL, "drain",
	    "%" PRId64 " writes of %s are not applied yet: stop the api, call "
	    "sluice-writer --drain with the old settings, then come back",
	    left, m->old_topic);
}

static struct err read_ends(struct advance_epoch_move *m)
{
	struct err e = ERR_OK;
	const struct common_settings *s = &m->s->common;
	for (int32_t p = 0; e.kind == ERR_KIND_OK && p < s->partitions; p++)
		e = advance_epoch_ask_ends(m, s->writes_topic, p, &m->now[p]);
	return e;
}

/* Does it hold records that may or may not have been applied? */
static bool is_unclear(const struct advance_epoch_move *m)
{
	bool ends_early = false, holds = false;
	for (int32_t p = 0; p < m->old_partitions; p++) {
		const struct log_offsets_of *at = &m->now[p];
		ends_early = ends_early || at->high < next_offset(m, p);
		holds = holds ||
			(at->low < at->high && at->low < next_offset(m, p));
	}
	return ends_early && holds;
}

/* Keys would change their partitions, and their writes would lose their order.
 */
static struct err check_partitions(const struct advance_epoch_move *m)
{
	if (m->s->common.partitions == m->old_partitions)
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "partitions",
	    "to change the number of partitions, choose another log.writes and "
	    "another log.commits");
}

static struct err check_same(const struct advance_epoch_move *m)
{
	if (m->made_again || !is_unclear(m))
		return ERR_OK;
	return err_make(ERR_KIND_FATAL, "unclear",
	    "%s ends before the applied position and is not empty: if it was "
	    "truncated, choose another log.writes; if it was created again, "
	    "use --made-again",
	    m->old_topic);
}

static void set_begin(struct advance_epoch_move *m, int32_t p)
{
	const struct log_offsets_of *at = &m->now[p];
	int64_t offset = at->low;
	if (is_same(m) && !m->made_again && next_offset(m, p) >= at->low &&
	    next_offset(m, p) <= at->high)
		offset = next_offset(m, p);
	m->begin[p] = version_make(m->epoch, offset);
	printf("partition %d: begins at offset %" PRId64 " of %" PRId64
	       "..%" PRId64 "\n",
	    p, offset, at->low, at->high);
}

/* With `dry`, a topic that does not exist counts as created. */
static struct err find_begin(struct advance_epoch_move *m)
{
	int count = 0;
	struct err e =
	    topics_count(m->topics, m->s->common.writes_topic, TIMEOUT, &count);
	if (e.kind == ERR_KIND_OK && count)
		e = read_ends(m);
	if (e.kind == ERR_KIND_OK && is_same(m))
		e = check_same(m);
	if (e.kind != ERR_KIND_OK)
		return e;
	for (int32_t p = 0; p < m->s->common.partitions; p++)
		set_begin(m, p);
	return ERR_OK;
}

static struct err ask_kafka(struct advance_epoch_move *m, bool dry)
{
	size_t n = (size_t)m->s->common.partitions;
	m->begin = mem_zalloc(n * sizeof *m->begin);
	m->now = mem_zalloc(n * sizeof *m->now);
	struct err e =
	    is_same(m) ? check_partitions(m) : advance_epoch_check_drained(m);
	if (e.kind == ERR_KIND_OK)
		e = migrate_topics(m->topics, &m->patience, m->s, dry);
	if (e.kind == ERR_KIND_OK)
		e = find_begin(m);
	if (e.kind == ERR_KIND_OK)
		m->cluster = topics_cluster(m->topics, TIMEOUT);
	return e;
}

/* --- the move ------------------------------------------------------------ */

enum { NUMBER_LEN = 24 };

static const char *write_number(char out[NUMBER_LEN], uint64_t number)
{
	snprintf(out, NUMBER_LEN, "%" PRIu64, number);
	return out;
}

/* Returns owned (PQfreemem). */
static char *quote(PGconn *c, const char *s)
{
	char *text = PQescapeLiteral(c, s, strlen(s));
	CHECK(text != NULL);
	return text;
}

static void write_log(const struct advance_epoch_move *m, struct buf *out)
{
	char partitions[NUMBER_LEN], epoch[NUMBER_LEN];
	char *topic = quote(m->c, m->s->common.writes_topic);
	char *cluster = m->cluster ? quote(m->c, m->cluster) : NULL;
	const char *const values[] = {topic,
	    write_number(partitions, (uint64_t)m->s->common.partitions),
	    write_number(epoch, m->epoch), cluster ? cluster : "NULL"};
	pg_statement_script(out, &bookkeeping_next_log, values, 4);
	PQfreemem(topic);
	PQfreemem(cluster);
}

/* The versions of partition p between the old log and the new one. */
static void write_end(
    const struct advance_epoch_move *m, int32_t p, struct buf *out)
{
	char partition[NUMBER_LEN], ended[NUMBER_LEN], began[NUMBER_LEN];
	const char *const values[] = {write_number(partition, (uint64_t)p),
	    write_number(ended, m->next[p]),
	    write_number(began, p < m->s->common.partitions
				    ? m->begin[p]
				    : version_make(m->epoch, 0))};
	pg_statement_script(out, &bookkeeping_end_epoch, values, 3);
}

static void write_begin(
    const struct advance_epoch_move *m, int32_t p, struct buf *out)
{
	char partition[NUMBER_LEN], begin[NUMBER_LEN];
	const char *const values[] = {write_number(partition, (uint64_t)p),
	    write_number(begin, m->begin[p])};
	pg_statement_script(out, &bookkeeping_next_progress, values, 2);
}

static void write_sql(const struct advance_epoch_move *m, struct buf *out)
{
	int32_t partitions = (int32_t)m->s->common.partitions;
	char count[NUMBER_LEN];
	write_log(m, out);
	for (int32_t p = 0; p < m->old_partitions; p++)
		write_end(m, p, out);
	write_number(count, (uint64_t)partitions);
	pg_statement_script(
	    out, &bookkeeping_end_progress, (const char *const[]){count}, 1);
	for (int32_t p = 0; p < partitions; p++)
		write_begin(m, p, out);
}

static struct err advance_epoch_move(struct advance_epoch_move *m, bool dry)
{
	struct err e = pg_blocking_run(m->c, "BEGIN; " PG_BLOCKING_LOCK);
	if (e.kind == ERR_KIND_OK)
		e = read_log(m);
	if (e.kind == ERR_KIND_OK)
		e = read_progress(m);
	if (e.kind == ERR_KIND_OK)
		e = ask_kafka(m, dry);
	if (e.kind != ERR_KIND_OK)
		return e;
	struct buf sql = {0};
	write_sql(m, &sql);
	printf("from %s to %s, epoch %u\n%s", m->old_topic,
	    m->s->common.writes_topic, m->epoch, dry ? sql.data : "");
	if (!dry)
		e = pg_blocking_run(m->c, sql.data);
	if (!dry && e.kind == ERR_KIND_OK)
		e = pg_blocking_run(m->c, "COMMIT");
	buf_free(&sql);
	return e;
}

int advance_epoch_advance(const struct config *config,
    const struct writer_settings *s, bool dry, bool made_again)
{
	struct kafka_config kafka = config_kafka(config);
	struct advance_epoch_move m = {
	    .s = s, .patience = patience_of(s->wait), .made_again = made_again};
	struct err e = topics_new(&kafka, &m.topics);
	if (e.kind == ERR_KIND_OK)
		e = pg_blocking_open(s->common.primary_url, &m.patience, &m.c);
	if (e.kind == ERR_KIND_OK)
		e = advance_epoch_move(&m, dry);
	PQfinish(m.c);
	topics_free(&m.topics);
	free(m.old_topic);
	free(m.next);
	free(m.begin);
	free(m.now);
	free(m.cluster);
	if (e.kind == ERR_KIND_OK)
		return EXIT_SUCCESS;
	fprintf(stderr, "advance-epoch: %s (%s)\n", e.msg, e.code);
	return EXIT_FAILURE;
}
