/* The gap is read from the log again, piece by piece, to find its keys. Their
 * current rows are announced, with their current versions. If a later write
 * changed a row meanwhile, that change is announced early. This is safe,
 * because only marks move a consumer's watermark, not records.
 *
 * But no row may be older than the gap. In a failover the new primary may lack
 * the writes of the gap, and a mark over them would leave old entries in every
 * cache. So Postgres's watermark is read together with the rows, and before
 * them.
 *
 *   READING  waits for the writes of a piece
 *   ASKING   waits for their rows and verdicts
 *   WAITING  waits for the timer, to ask again
 *
 * If the log does not reach back so far, or if the gap began in another epoch,
 * a mark without writes is announced at the end of the gap. It begins above
 * every watermark that is below it, so all consumers discard what they hold.
 */
#include "writer/takeover/gap.h"

#include "common/postgres/pg_params.h"
#include "writer/commits/announce.h"
#include "writer/core/crashpoint.h"
#include "writer/core/pg_request.h"
#include "writer/core/statements.h"
#include "writer/decide/fold.h"
#include "writer/decide/queue.h"

#include "common/base/backoff.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/random.h"
#include "common/kafka/consumer.h"
#include "common/sql/bookkeeping.h"
#include "common/sql/row_doc.h"
#include "common/sql/sql.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A patch may be a few bytes, and its row as large as any row. */
enum { PIECE_ROWS = 1000, PIECE_PATCHES = 64, PIECE_BYTES = 4 << 20 };

enum state { STATE_IDLE, STATE_READING, STATE_ASKING, STATE_WAITING };

struct gap {
	struct context *x;
	struct consumer *consumer;
	enum state state;
	int32_t partition;
	version_t from; /* of the piece */
	version_t through;
	version_t to; /* of the gap */
	struct queue piece;
	size_t patches; /* in it */
	bool bare; /* documents too large to read or announce: versions only */
	struct fold fold;
	struct pg_request *ask;
	struct loop_timer *timer;
	struct backoff backoff;
	gap_done done;
	void *arg;
};

static void gap_ask(struct gap *g);

static size_t document_max(const struct gap *g)
{
	return (size_t)g->x->settings->common.document_max;
}

static void gap_read_piece(struct gap *g)
{
	g->state = STATE_READING;
	struct consumer_start start = {g->partition, version_offset(g->from)};
	consumer_assign(g->consumer, &start, 1);
}

static void gap_drop_piece(struct gap *g)
{
	fold_free(&g->fold);
	queue_clear(&g->piece);
	g->patches = 0;
}

static void gap_finish(struct gap *g, bool complete)
{
	gap_drop_piece(g);
	g->state = STATE_IDLE;
	consumer_assign(g->consumer, NULL, 0);
	g->done(g->arg, complete);
}

/* --- announcing ---------------------------------------------------------- */

/* Leaves it empty if the document is too large to announce. */
static void read_document(const struct gap *g, const struct collection *c,
    const PGresult *r, int row, struct buf *doc)
{
	size_t most = document_max(g);
	if ((uint64_t)pg_int8(r, row, 1) > most)
		return;
	row_doc_add(doc, c, r, row, SQL_CURRENT_ROW);
	if (doc->len > most)
		buf_clear(doc);
}

static bool was_touched(const struct fold_change *c)
{
	size_t i = 0;
	while (i < c->nwrites && c->writes[i]->op != RECORD_TOUCH)
		i++;
	return i < c->nwrites;
}

/* `r` and `row`: where the key's row was found; row -1: there is none. */
static void announce_key(struct gap *g, struct announcement *n,
    const struct fold_change *c, const PGresult *r, int row)
{
	const struct write *last = c->writes[c->nwrites - 1];
	struct buf doc = {0};
	/* If the row is gone, the write that deleted it is not known. */
	struct record_commit record = {
	    .op = RECORD_DELETE,
	    .id = last->id,
	    .id_len = last->id_len,
	    .version = last->version,
	    .accepted_at = last->accepted_at,
	};
	version_t has = row >= 0 ? (version_t)pg_int8(r, row, 0) : 0;
	/* A touch gives every row that it finds its version. So this row was
	 * inserted by another program later, and its touch follows. */
	bool later = row >= 0 && has < g->from && was_touched(c);
	if (row >= 0 && !later) {
		record.op = RECORD_PUT;
		record.version = has;
		read_document(g, c->collection, r, row, &doc);
		record.omitted = doc.len == 0;
		record.doc = doc.data;
		record.doc_len = doc.len;
	}
	/* Older than the gap: all writes of the key in it were rejected. */
	bool told = record.version >= g->from;
	if (told && record.omitted)
		context_omitted(g->x, last->id, last->id_len, last->version,
		    (size_t)pg_int8(r, row, 1));
	if (told)
		announce_record(n, &record);
	buf_free(&doc);
}

static struct jsonslice gap_text(const PGresult *r, int row, int column)
{
	return (struct jsonslice){
	    PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column)};
}

/* A row of bookkeeping_verdicts. */
static struct record_verdict read_verdict(const PGresult *r, int row)
{
	enum {
		VERSION,
		REPLAYED,
		REASON_,
		DETAIL,
		FIRST_P,
		FIRST_V,
		OUTCOME,
		FIRST_KEY
	};
	struct record_verdict v = {
	    .version = (version_t)pg_int8(r, row, VERSION),
	    .replayed = *PQgetvalue(r, row, REPLAYED) != 0,
	};
	if (v.replayed) {
		v.first.has_position = true;
		v.first.position.partition = pg_int4(r, row, FIRST_P);
		v.first.position.version = (version_t)pg_int8(r, row, FIRST_V);
		v.first.outcome = gap_text(r, row, OUTCOME);
		v.first.key = gap_text(r, row, FIRST_KEY);
		return v;
	}
	v.reason = reason_parse(
	    PQgetvalue(r, row, REASON_), (size_t)PQgetlength(r, row, REASON_));
	if (PQgetlength(r, row, DETAIL) > 0)
		v.detail = gap_text(r, row, DETAIL);
	return v;
}

static void read_verdicts(const PGresult *r, struct record_mark *mark)
{
	mark->nverdicts = (size_t)PQntuples(r);
	mark->verdicts =
	    mem_zalloc((mark->nverdicts + 1) * sizeof *mark->verdicts);
	for (size_t i = 0; i < mark->nverdicts; i++)
		mark->verdicts[i] = read_verdict(r, (int)i);
}

/* Announces one collection's run of changes, that begins at `first`. */
static size_t announce_run(
    struct gap *g, struct announcement *n, size_t first, const PGresult *r)
{
	const struct fold *f = &g->fold;
	const struct collection *c = f->changes[first].collection;
	size_t i = first;
	int *rows = mem_alloc((f->n + 1) * sizeof *rows);
	for (size_t k = first; k < f->n; k++)
		rows[k] = -1;
	for (int row = 0; row < PQntuples(r); row++) {
		const struct fold_change *at =
		    fold_find(f, c, PQgetvalue(r, row, SQL_CURRENT_ROW),
			(size_t)PQgetlength(r, row, SQL_CURRENT_ROW));
		if (at == NULL)
			continue; /* a row that was not asked for */
		rows[at - f->changes] = row;
	}
	for (; i < f->n && f->changes[i].collection == c; i++)
		announce_key(g, n, &f->changes[i], r, rows[i]);
	free(rows);
	return i;
}

/* The results stand in the order of the fold's collections, then the
 * verdicts. */
static void gap_announce_piece(struct gap *g, PGresult *const *results)
{
	struct announcement *n =
	    announce_begin(g->x->announcer, g->partition, ANNOUNCE_GAP);
	for (size_t i = 0; i < g->fold.n;)
		i = announce_run(g, n, i, *results++);
	struct record_mark mark = {.from = g->from, .through = g->through};
	read_verdicts(*results, &mark);
	announce_mark(n, &mark);
	record_mark_free(&mark);
	metric_add(&g->x->stats.reannounced, (int64_t)g->piece.n);
}

static void announce_nothing(struct gap *g)
{
	log_event(EV_GAP_LOST, "partition=%d from=%" PRIu64 " to=%" PRIu64,
	    g->partition, g->from, g->to);
	struct announcement *n =
	    announce_begin(g->x->announcer, g->partition, ANNOUNCE_GAP);
	struct record_mark mark = {.from = g->to, .through = g->to};
	announce_mark(n, &mark);
	gap_finish(g, true);
}

/* --- asking -------------------------------------------------------------- */

static bool gap_went_back(const struct gap *g, const PGresult *watermark)
{
	return PQntuples(watermark) != 1 ||
	       (version_t)pg_int8(watermark, 0, 0) < g->to;
}

/* The text of a row is larger than Postgres can hold. Asking again would fail
 * again. */
static bool cannot_render(const struct err *e)
{
	return e->kind == ERR_KIND_REJECT || strcmp(e->code, "XX000") == 0 ||
	       strcmp(e->code, "53200") == 0;
}

static void gap_on_rows(void *arg, const struct pg_reply *reply)
{
	struct gap *g = arg;
	g->ask = NULL;
	if (reply->err.kind != ERR_KIND_OK) {
		g->bare = g->bare || cannot_render(&reply->err);
		g->state = STATE_WAITING;
		loop_timer_start(
		    g->timer, backoff_next(&g->backoff, random_bits()));
		return;
	}
	backoff_reset(&g->backoff);
	if (gap_went_back(g, reply->results[0])) {
		gap_finish(g, false);
		return;
	}
	gap_announce_piece(g, reply->results + 1);
	crashpoint(CRASH_GAP_ANNOUNCED);
	gap_drop_piece(g);
	g->from = g->through;
	if (g->from >= g->to)
		gap_finish(g, true);
	else
		gap_read_piece(g);
}

static void add_current(
    struct gap *g, struct pg_params *c, size_t first, size_t n)
{
	const struct fold_change *changes = &g->fold.changes[first];
	const struct statements_of *of =
	    statements_for(g->x->statements, changes->collection);
	c->sql = g->bare ? of->versions : of->current;
	c->shape = g->bare
		       ? (struct pg_shape){.columns = SQL_VERSIONS_SHAPE}
		       : row_doc_shape(SQL_CURRENT_SHAPE, changes->collection);
	struct buf *keys = pg_params_param(c);
	pg_array_begin(keys, PG_TEXT, n);
	for (size_t i = 0; i < n; i++)
		pg_array_text(keys, changes[i].writes[0]->key,
		    changes[i].writes[0]->key_len);
	pg_params_int8(c, (uint64_t)document_max(g));
}

static size_t add_calls(struct gap *g, struct pg_params *calls)
{
	const struct fold *f = &g->fold;
	size_t ncalls = 0;
	calls[ncalls] = pg_statement_params(&bookkeeping_progress_of);
	pg_params_int4(&calls[ncalls++], g->partition);
	for (size_t i = 0, n; i < f->n; i += n) {
		n = 1;
		while (i + n < f->n &&
		       f->changes[i + n].collection == f->changes[i].collection)
			n++;
		add_current(g, &calls[ncalls++], i, n);
	}
	struct pg_params *c = &calls[ncalls++];
	*c = pg_statement_params(&bookkeeping_verdicts);
	pg_params_int4(c, g->partition);
	pg_params_int8(c, g->from);
	pg_params_int8(c, g->through);
	return ncalls;
}

static void gap_ask(struct gap *g)
{
	size_t max = g->x->statements->n + 2;
	struct pg_params *calls = mem_zalloc(max * sizeof *calls);
	struct pg_query *queries = mem_zalloc(max * sizeof *queries);
	size_t n = add_calls(g, calls);
	for (size_t i = 0; i < n; i++)
		queries[i] = pg_params_query(&calls[i]);
	g->ask = pg_request_submit(g->x->pool, queries, n, gap_on_rows, g);
	g->state = g->ask ? STATE_ASKING : STATE_WAITING;
	if (g->ask == NULL)
		loop_timer_start(
		    g->timer, backoff_next(&g->backoff, random_bits()));
	for (size_t i = 0; i < n; i++)
		pg_params_free(&calls[i]);
	free(calls);
	free(queries);
}

/* The reader stops here, and begins again behind the piece. Fetching messages
 * twice is cheaper than holding more than a piece. */
static void piece_is_full(struct gap *g, version_t through)
{
	consumer_assign(g->consumer, NULL, 0);
	g->through = through;
	fold_init(&g->fold, g->piece.n ? queue_at(&g->piece, 0) : NULL,
	    g->piece.n, NULL);
	gap_ask(g);
}

/* --- reading ------------------------------------------------------------- */

static void gap_on_message(void *arg, rd_kafka_message_t *m)
{
	struct gap *g = arg;
	version_t v = version_make(g->x->epoch, m->offset);
	if (g->state != STATE_READING || m->partition != g->partition ||
	    v < g->from) {
		rd_kafka_message_destroy(m);
		return;
	}
	if (v >= g->to) {
		rd_kafka_message_destroy(m);
		piece_is_full(g, g->to);
		return;
	}
	struct write w;
	struct write_log log =
	    write_log_of(g->x->epoch, &g->x->settings->common);
	log.applied = true;
	write_read(&w, m, &log);
	/* An atomic batch is a piece by itself: its rows are announced together
	 * again. */
	if (w.noperations && g->piece.n) {
		write_clear(&w);
		piece_is_full(g, v);
		return;
	}
	g->patches += w.op == RECORD_PATCH || w.op == RECORD_INCREMENT ||
		      w.op == RECORD_TOUCH;
	queue_push(&g->piece, &w);
	if (v + 1 == g->to || w.noperations || g->piece.n >= PIECE_ROWS ||
	    g->patches >= PIECE_PATCHES || g->piece.bytes >= PIECE_BYTES)
		piece_is_full(g, v + 1);
}

static void gap_on_eof(void *arg, int32_t partition, int64_t end)
{
	struct gap *g = arg;
	if (g->state != STATE_READING || partition != g->partition)
		return;
	/* A new leader may not return all of its records yet. A mark would pass
	 * over writes whose keys are not known. */
	if (version_make(g->x->epoch, end) < g->to)
		gap_finish(g, false);
	else
		piece_is_full(g, g->to);
}

static void gap_on_fault(void *arg, int32_t partition, struct err e)
{
	struct gap *g = arg;
	if (g->state != STATE_READING || partition != g->partition)
		return;
	if (consumer_is_gone(&e)) {
		announce_nothing(g);
		return;
	}
	queue_clear(&g->piece);
	g->state = STATE_WAITING;
	loop_timer_start(g->timer, backoff_next(&g->backoff, random_bits()));
}

static void gap_on_timer(void *arg)
{
	struct gap *g = arg;
	CHECK(g->state == STATE_WAITING);
	if (version_epoch(g->from) != version_epoch(g->to))
		announce_nothing(g);
	else if (g->fold.sorted)
		gap_ask(g);
	else
		gap_read_piece(g);
}

struct err gap_new(
    struct context *x, gap_done done, void *arg, struct gap **out)
{
	static const struct consumer_events events = {
	    .message = gap_on_message,
	    .eof = gap_on_eof,
	    .fault = gap_on_fault,
	};
	struct gap *g = MEM_NEW(struct gap);
	g->x = x;
	g->done = done;
	g->arg = arg;
	g->timer = loop_timer_new(x->loop, gap_on_timer, g);
	backoff_init(&g->backoff, CLOCK_MS(50), CLOCK_S(5));
	const struct consumer_options o = {
	    .loop = x->loop,
	    .kafka = &x->kafka,
	    .topic = x->settings->common.writes_topic,
	    .events = &events,
	    .arg = g,
	};
	struct err e = consumer_new(&o, &g->consumer);
	*out = g;
	if (e.kind != ERR_KIND_OK)
		gap_free(out);
	return e;
}

void gap_announce(
    struct gap *g, int32_t partition, version_t from, version_t to)
{
	CHECK(g->state == STATE_IDLE && from < to);
	g->partition = partition;
	g->from = from;
	g->to = to;
	g->bare = announcer_too_large(g->x->announcer, partition);
	g->state = STATE_WAITING;
	loop_timer_start(g->timer, 0);
}

void gap_stop(struct gap *g)
{
	pg_request_cancel(&g->ask);
	loop_timer_stop(g->timer);
	gap_drop_piece(g);
	if (g->state != STATE_IDLE)
		consumer_assign(g->consumer, NULL, 0);
	g->state = STATE_IDLE;
}

void gap_free(struct gap **gp)
{
	struct gap *g = *gp;
	if (g == NULL)
		return;
	if (g->consumer)
		gap_stop(g);
	consumer_free(&g->consumer);
	loop_timer_free(&g->timer);
	free(g);
	*gp = NULL;
}
