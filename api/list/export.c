/* The request parks until rows can be read. Then libmicrohttpd calls the
 * response's reader as long as there are more. If the reader has no bytes, it
 * suspends the connection, and Postgres's socket resumes it.
 *
 * Everything runs on the request's own thread.
 */
#include "api/list/export.h"

#include "api/cache/floors.h"
#include "api/core/answer.h"
#include "api/core/guard.h"
#include "api/core/metrics.h"
#include "api/core/settings.h"
#include "api/limits/budget.h"
#include "api/limits/clients.h"
#include "api/list/list_page.h"
#include "api/list/list_sql.h"
#include "api/list/pg_copy.h"
#include "api/read/lookup.h"
#include "api/read/pg_reader.h"
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/http/client_socket.h"
#include "common/http/http_head.h"
#include "common/http/httpd.h"
#include "common/sql/bookkeeping.h"
#include "common/sql/row_csv.h"
#include "common/sql/sql.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* Bytes rendered in advance, so that the reader is not called for every
	 * row. */
	AHEAD = 32 * 1024,
	RETRY_AFTER_S = 5,
};

struct export
{
	struct thread *thread;
	struct client *client;
	struct request *request; /* parked; NULL: it is answered already */
	struct MHD_Connection *connection;
	struct export *next, *prev; /* list of the thread */
	struct list_query *list;
	struct pg_copy *copy;
	const struct export_form *form;
	mono_us_t began; /* when the request came */
	struct buf out;
	size_t taken; /* bytes of `out` that were taken */
	bool any;     /* a document was rendered */
	size_t held;  /* bytes taken from budget_answers */
	enum pg_copy_state state;
	bool suspended;
	bool cut;
	bool complete;
	char *id;	    /* of the request */
	bool told;	    /* its failure was logged */
	mono_us_t progress; /* when bytes were last taken */
};

/* --- life ---------------------------------------------------------------- */

static void on_changed(void *arg)
{
	struct export *e = arg;
	if (e->request && e->request->parking.on) {
		request_resume(e->request);
	} else if (e->suspended) {
		e->suspended = false;
		httpd_resume(e->thread->httpd, e->connection);
	}
}

static struct pg_copy *open_copy(
    struct export *e, const char *url, const char *session)
{
	struct buf sql = {0};
	list_sql_export(&sql, e->list, clock_wall());
	const struct pg_copy_options o = {
	    .loop = e->thread->loop,
	    .url = url,
	    .session = session,
	    .setup = SQL_SESSION,
	    .first = bookkeeping_progress_ordered.sql,
	    .first_shape.columns = bookkeeping_progress_ordered.columns,
	    .copy = sql.data,
	    .row = e->list->collection,
	    .changed = on_changed,
	    .arg = e,
	};
	struct pg_copy *copy = pg_copy_new(&o);
	buf_free(&sql);
	return copy;
}

static void export_start(struct request *r)
{
	const struct api_settings *s = r->thread->instance->settings;
	struct thread *t = r->thread;
	struct export *e = MEM_NEW(struct export);
	bool replica = r->read->tier == TIER_REPLICA;
	e->thread = t;
	e->request = r;
	e->connection = r->connection;
	e->client = r->share;
	e->list = list_query_ref(r->read->list);
	e->form = r->read->form;
	e->began = r->started;
	e->id = mem_strdup(request_id(r));
	e->state = PG_COPY_ROW;
	e->next = t->exports;
	if (e->next)
		e->next->prev = e;
	t->exports = e;
	metric_add(&t->metrics->exports_running, 1);
	e->copy =
	    open_copy(e, replica ? s->replica_urls : s->common.primary_url,
		replica ? "prefer-standby" : "read-write");
	r->read->export = e;
}

void export_free(struct export **ep)
{
	struct export *e = *ep;
	if (e == NULL)
		return;
	struct thread *t = e->thread;
	*(e->prev ? &e->prev->next : &t->exports) = e->next;
	if (e->next)
		e->next->prev = e->prev;
	metric_add(&t->metrics->exports_running, -1);
	atomic_fetch_sub(&t->instance->exports, 1);
	client_give(e->client, CLIENT_EXPORTS);
	pg_copy_free(&e->copy);
	list_query_unref(&e->list);
	buf_free(&e->out);
	free(e->id);
	budget_set(&budget_answers, &e->held, 0);
	free(e);
	*ep = NULL;
}

/* --- the stream ---------------------------------------------------------- */

/* Logs the failure and resets the client's connection. Without the reset, a
 * body that is not chunked (HTTP/1.0) would seem complete. */
static void export_broken(struct export *e)
{
	if (e->told)
		return;
	e->told = true;
	log_event(EV_EXPORT_BROKEN, "collection=%s error=%s request=%s",
	    e->list->collection->name,
	    log_quote(
		e->cut ? "no progress, or a shutdown" : pg_copy_error(e->copy)),
	    log_quote(e->id));
	client_socket_reset(e->connection);
}

/* Ends the response with an error. libmicrohttpd then marks the connection as
 * closed, and frees it at the next event of its socket. A socket that was reset
 * has no more events, so a resume makes one.
 */
static ssize_t export_fail(struct export *e)
{
	export_broken(e);
	MHD_suspend_connection(e->connection);
	httpd_resume(e->thread->httpd, e->connection);
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

void export_document(struct buf *out, const struct list_query *q,
    const struct row_doc_cell *cells)
{
	row_doc_write_of(out, q->collection, &q->only, cells);
}

static void line_of(struct buf *out, const struct list_query *q,
    const struct row_doc_cell *cells)
{
	export_document(out, q, cells);
	buf_char(out, '\n');
}

const struct export_form export_lines = {
    "application/x-ndjson", NULL, "", line_of, NULL};

static void csv_header(struct buf *out, const struct list_query *q)
{
	row_csv_header(out, q->collection, &q->only);
}

static void csv_row(struct buf *out, const struct list_query *q,
    const struct row_doc_cell *cells)
{
	row_csv_write(out, q->collection, &q->only, cells);
}

const struct export_form export_csv = {
    ROW_CSV_TYPE, csv_header, "", csv_row, NULL};

static void export_render(struct export *e)
{
	struct row_doc_cell cells[ROW_DOC_CELLS];
	while (e->out.len < AHEAD && e->state != PG_COPY_END) {
		e->state = pg_copy_next(e->copy, cells);
		if (e->state == PG_COPY_END && e->form->end)
			e->form->end(&e->out, e->began);
		if (e->state != PG_COPY_ROW)
			return;
		buf_str(&e->out, e->any ? e->form->between : "");
		e->form->row(&e->out, e->list, cells);
		e->any = true;
		budget_set(&budget_answers, &e->held, e->out.cap);
	}
}

static ssize_t export_take(struct export *e, char *to, size_t max)
{
	size_t n = e->out.len - e->taken;
	if (n > max)
		n = max;
	memcpy(to, e->out.data + e->taken, n);
	e->taken += n;
	if (e->taken == e->out.len) {
		e->taken = 0;
		if (e->out.cap > 4 * AHEAD) /* a large row */
			buf_free(&e->out);
		budget_set(&budget_answers, &e->held, e->out.cap);
		buf_clear(&e->out);
	}
	e->progress = clock_mono();
	return (ssize_t)n;
}

static ssize_t export_read_rows(void *arg, uint64_t at, char *to, size_t max)
{
	struct export *e = arg;
	(void)at;
	if (e->cut)
		return export_fail(e);
	if (e->out.len == 0)
		export_render(e);
	if (e->out.len)
		return export_take(e, to, max);
	if (e->state == PG_COPY_END) {
		e->complete = true;
		return MHD_CONTENT_READER_END_OF_STREAM;
	}
	if (e->state == PG_COPY_FAILED)
		return export_fail(e);
	e->suspended = true;
	MHD_suspend_connection(e->connection);
	return 0;
}

static void export_free_stream(void *arg)
{
	struct export *e = arg;
	struct api_metrics *m = e->thread->metrics;
	metric_add(e->complete ? &m->exports_complete : &m->exports_broken, 1);
	export_free(&e);
}

/* If libmicrohttpd waits until the client takes bytes, the reset ends this
 * wait. */
static void cut(struct export *e)
{
	e->cut = true;
	if (e->suspended)
		on_changed(e);
	else
		export_broken(e);
}

void export_sweep(struct thread *t)
{
	const struct api_settings *s = t->instance->settings;
	mono_us_t now = clock_mono();
	bool hurry =
	    t->draining && now - t->drained_since > s->common.drain_timeout / 2;
	for (struct export *e = t->exports; e; e = e->next) {
		bool still = now - e->progress > s->export_stall;
		if (e->request == NULL && !e->cut && (still || hurry))
			cut(e);
	}
}

/* --- the request --------------------------------------------------------- */

static void export_varies(struct MHD_Response *response)
{
	MHD_add_response_header(
	    response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
}

static enum step_result export_stream(struct request *r)
{
	struct export *e = r->read->export;
	e->request = NULL;
	e->progress = clock_mono();
	r->read->export = NULL; /* the response owns it from now on */
	if (e->form->begin)
		e->form->begin(&e->out, e->list);
	struct MHD_Response *response = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, AHEAD, export_read_rows, e, export_free_stream);
	CHECK(response != NULL);
	http_head_type(response, e->form->type);
	export_varies(response);
	httpd_streams(r->connection);
	r->bytes = -1;
	return answer_queue(r, 200, response);
}

static enum step_result export_ask(struct request *r, enum tier tier)
{
	r->read->tier = tier;
	r->read->asked_at = clock_mono();
	export_start(r);
	r->step = STEP_EXPORT_BEGUN;
	const PGresult *first;
	bool failed =
	    pg_copy_begin(r->read->export->copy, &first) == PG_COPY_FAILED;
	return failed ? STEP_MORE : STEP_PARK;
}

/* True: the place is taken, and export_free gives it back. */
static bool export_take_place(struct request *r)
{
	struct instance *instance = r->thread->instance;
	if (!guard_take(r, CLIENT_EXPORTS))
		return false;
	if (instance_take_place(
		&instance->exports, instance->settings->export_most))
		return true;
	client_give(r->share, CLIENT_EXPORTS);
	return false;
}

static enum step_result export_refuse(struct request *r, const char *detail)
{
	metric_add(&r->thread->metrics->exports_refused, 1);
	return answer_retry(
	    r, PROBLEM_STORE_UNAVAILABLE, detail, RETRY_AFTER_S);
}

static enum step_result export_head(struct request *r)
{
	struct MHD_Response *response =
	    answer_head_of_stream(r->read->form->type);
	export_varies(response);
	return answer_queue(r, 200, response);
}

enum step_result export_step(struct request *r)
{
	struct thread *t = r->thread;
	enum lookup_way way = lookup_way(r);
	if (way == LOOKUP_NONE || way == LOOKUP_CACHES) {
		r->read->way = LOOKUP_NONE;
		return answer_problem(r, PROBLEM_ONLY_IF_CACHED, NULL);
	}
	r->read->way = way == LOOKUP_PRIMARY ? way : LOOKUP_FRESH;
	if (strcmp(r->method, "HEAD") == 0)
		return export_head(r);
	if (!budget_keeps(&budget_answers, AHEAD))
		return answer_full(r);
	if (!request_may_park(r) || !export_take_place(r))
		return export_refuse(r,
		    "Too many exports are running, in all (export.max) or "
		    "from this client (http.client_share).");
	request_deadline(r, t->instance->settings->read_timeout);
	if (way == LOOKUP_PRIMARY)
		r->read->skipped |= SKIP_TAIL_CLOSED;
	else if (t->replica && pg_reader_up(t->replica))
		return export_ask(r, TIER_REPLICA);
	else if (t->replica)
		r->read->skipped |= SKIP_REPLICA_DOWN;
	return export_ask(r, TIER_PRIMARY);
}

/* Is the snapshot at least as new as the commits to its collection that were
 * heard of? */
static bool export_current(const struct request *r, const PGresult *first)
{
	const struct instance *instance = r->thread->instance;
	size_t c = r->target.collection->index;
	version_t *as_of = list_page_vector(first, instance->partitions);
	bool ok =
	    as_of &&
	    (r->read->tier == TIER_PRIMARY
		    ? floors_allow_page_primary(instance->floors, c, as_of)
		    : floors_allow_page(instance->floors, c, as_of));
	free(as_of);
	return ok;
}

enum step_result export_begun_step(struct request *r)
{
	const PGresult *first = NULL;
	bool replica = r->read->tier == TIER_REPLICA;
	enum pg_copy_state state = PG_COPY_FAILED; /* released: too late */
	if (r->read->export)
		state = pg_copy_begin(r->read->export->copy, &first);
	r->read->times.asked |= 1U << r->read->tier;
	r->read->times.spent[r->read->tier] += clock_mono() - r->read->asked_at;
	bool old = state == PG_COPY_ROW && !export_current(r, first);
	if (state == PG_COPY_ROW && !old)
		return export_stream(r);
	bool held = r->read->export != NULL;
	bool refused = held && pg_copy_refused(r->read->export->copy);
	export_free(&r->read->export);
	if (refused) {
		r->read->tier = TIER_NONE;
		return answer_problem(
		    r, PROBLEM_INVALID_FILTER, LIST_INCOMPARABLE);
	}
	if (replica)
		r->read->skipped |=
		    old ? SKIP_REPLICA_BEHIND : SKIP_REPLICA_DOWN;
	else
		r->read->skipped |=
		    old ? SKIP_PRIMARY_BEHIND : SKIP_PRIMARY_DOWN;
	if (replica && held && export_take_place(r))
		return export_ask(r, TIER_PRIMARY);
	r->read->tier = TIER_NONE;
	return old ? answer_problem(r, PROBLEM_POSITION_NOT_REACHED,
			 "The database is behind a known commit; it "
			 "catches up by itself.")
		   : export_refuse(r, NULL);
}
