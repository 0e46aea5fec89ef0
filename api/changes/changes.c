#include "api/changes/changes.h"

#include "api/changes/feed.h"
#include "api/commits/epoch.h"
#include "api/commits/tail.h"
#include "api/core/answer.h"
#include "api/core/guard.h"
#include "api/core/metrics.h"
#include "api/core/settings.h"
#include "api/limits/budget.h"
#include "api/limits/clients.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/http/client_socket.h"
#include "common/http/http_head.h"
#include "common/http/httpd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MEDIA_TYPE "text/event-stream"
#define PEEK CLOCK_S(1)

enum { PIECE = 16 * 1024 };

struct changes {
	struct thread *thread;
	struct client *client;
	struct MHD_Connection *connection;
	struct request *request; /* NULL: it is answered already */
	struct feed *feed;
	struct changes *next, *prev; /* list of the thread */
	bool suspended;
	bool cut;
	int64_t expires; /* the credential of its client: seconds since 1970 */
	bool over;	 /* it has expired */
	mono_us_t progress; /* when the client last took bytes */
	mono_us_t peeked;
};

/* --- life ---------------------------------------------------------------- */

static void changes_go_on(struct changes *c)
{
	c->suspended = false;
	httpd_resume(c->thread->httpd, c->connection);
}

static void on_heard(void *arg)
{
	struct changes *c = arg;
	if (c->request && c->request->parking.on)
		request_resume(c->request);
	else if (c->suspended)
		changes_go_on(c);
}

static void changes_free(struct changes **cp)
{
	struct changes *c = *cp;
	if (c == NULL)
		return;
	struct thread *t = c->thread;
	*(c->prev ? &c->prev->next : &t->changes) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	feed_close(&c->feed);
	atomic_fetch_sub(&t->instance->changes, 1);
	client_give(c->client, CLIENT_FEEDS);
	metric_add(&t->metrics->changes, -1);
	free(c);
	*cp = NULL;
}

static struct changes *changes_start(
    struct request *r, const struct feed_options *o)
{
	struct thread *t = r->thread;
	struct changes *c = MEM_NEW(struct changes);
	struct feed_options options = *o;
	options.loop = t->loop;
	options.heard = on_heard;
	options.arg = c;
	c->thread = t;
	c->connection = r->connection;
	c->client = r->share;
	c->request = r;
	c->expires = r->principal ? r->principal->expires : INT64_MAX;
	c->next = t->changes;
	if (c->next)
		c->next->prev = c;
	t->changes = c;
	metric_add(&t->metrics->changes, 1);
	c->feed = feed_open(t->instance->feeds, &options);
	return c;
}

/* --- the stream ---------------------------------------------------------- */

static ssize_t read_events(void *arg, uint64_t at, char *to, size_t max)
{
	struct changes *c = arg;
	(void)at;
	if (c->cut)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (c->thread->draining || c->over)
		return MHD_CONTENT_READER_END_OF_STREAM;
	c->progress = clock_mono();
	size_t n = feed_take(c->feed, to, max);
	metric_add(&c->thread->metrics->change_bytes, (int64_t)n);
	if (n)
		return (ssize_t)n;
	if (feed_state(c->feed) != FEED_OPEN)
		return MHD_CONTENT_READER_END_OF_STREAM;
	c->suspended = true;
	MHD_suspend_connection(c->connection);
	return 0;
}

static void changes_free_stream(void *arg)
{
	struct changes *c = arg;
	changes_free(&c);
}

static enum step_result changes_stream(struct request *r)
{
	struct changes *c = r->changes;
	c->request = NULL;
	c->progress = clock_mono();
	r->changes = NULL; /* the response owns it from now on */
	struct MHD_Response *response = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, PIECE, read_events, c, changes_free_stream);
	CHECK(response != NULL);
	http_head_type(response, MEDIA_TYPE);
	MHD_add_response_header(
	    response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	httpd_streams(r->connection);
	r->bytes = -1;
	return answer_queue(r, 200, response);
}

/* --- the sweep ----------------------------------------------------------- */

static bool changes_client_left(struct changes *c, mono_us_t now)
{
	if (now - c->peeked < PEEK)
		return false;
	c->peeked = now;
	return client_socket_has_left(c->connection);
}

static void changes_sweep_ended(struct changes *c, mono_us_t now)
{
	struct thread *t = c->thread;
	c->over = clock_wall() / CLOCK_S(1) >= c->expires;
	if (c->suspended) {
		c->cut = changes_client_left(c, now);
		if (c->cut || t->draining || c->over)
			changes_go_on(c);
		return;
	}
	/* libmicrohttpd waits for the client; the shutdown of the socket ends
	 * this wait. */
	dur_us_t patience =
	    t->draining ? PEEK : t->instance->settings->changes_stall;
	if (now - c->progress < patience)
		return;
	c->cut = true;
	shutdown(client_socket_fd(c->connection), SHUT_RDWR);
	metric_add(&t->metrics->changes_stalled, !t->draining);
}

void changes_sweep(struct thread *t)
{
	mono_us_t now = clock_mono();
	for (struct changes *c = t->changes; c; c = c->next) {
		if (c->request == NULL && !c->cut)
			changes_sweep_ended(c, now);
	}
}

/* --- the request --------------------------------------------------------- */

static enum step_result changes_unavailable(struct request *r)
{
	return answer_problem(
	    r, PROBLEM_STORE_UNAVAILABLE, "Commits cannot be read.");
}

static enum step_result expired(struct request *r)
{
	return answer_problem(r, PROBLEM_POSITION_EXPIRED,
	    "The log no longer has the changes since this event; read "
	    "the collection again.");
}

/* STEP_MORE: `places` has the place to begin at in each partition. STEP_DONE:
 * refused. */
static enum step_result find_places(
    struct request *r, uint32_t epoch, struct change_place *places)
{
	struct instance *instance = r->thread->instance;
	struct buf line = {0};
	const char *id = request_list(r, "Last-Event-ID", &line);
	struct violations v = {0};
	if (id == NULL) {
		for (int32_t p = 0; p < instance->partitions; p++)
			places[p] = tail_place(instance->tail, p);
		return STEP_MORE;
	}
	enum change_id is =
	    change_id_parse(id, epoch, places, instance->partitions);
	buf_free(&line);
	switch (is) {
	case CHANGE_ID_GOOD:
		return STEP_MORE;
	case CHANGE_ID_OTHER:
		return expired(r);
	case CHANGE_ID_MALFORMED:
		break;
	}
	violations_add(&v, "Last-Event-ID", "is not an event id");
	return answer_violations(r, &v);
}

/* True: the place is taken, and changes_free gives it back. */
static bool changes_take_place(struct request *r)
{
	struct instance *instance = r->thread->instance;
	if (!guard_take(r, CLIENT_FEEDS))
		return false;
	if (instance_take_place(
		&instance->changes, instance->settings->changes_most))
		return true;
	client_give(r->share, CLIENT_FEEDS);
	return false;
}

static enum step_result open_feed(
    struct request *r, uint32_t epoch, const struct change_place *places)
{
	if (!budget_keeps(&budget_answers, PIECE))
		return answer_full(r);
	if (!request_may_park(r) || !changes_take_place(r))
		return answer_problem(r, PROBLEM_BUFFER_FULL,
		    "Too many change feeds are open, in all (changes.max) or "
		    "from this client (http.client_share).");
	const struct feed_options o = {
	    .collection = r->target.collection,
	    .request = request_id(r),
	    .owner = r->right == RIGHT_OWN ? request_owner(r) : NULL,
	    .epoch = epoch,
	    .tail = r->thread->instance->tail,
	    .places = places,
	};
	r->changes = changes_start(r, &o);
	request_deadline(r, r->thread->instance->settings->read_timeout);
	r->parking.why = PARKED_FOR_FEED;
	r->step = STEP_CHANGES_OPENED;
	return STEP_PARK;
}

enum step_result changes_step(struct request *r)
{
	struct instance *instance = r->thread->instance;
	uint32_t epoch;
	if (strcmp(r->method, "HEAD") == 0)
		return answer_queue(r, 200, answer_head_of_stream(MEDIA_TYPE));
	if (!epoch_now(instance, &epoch) || !tail_started(instance->tail) ||
	    r->thread->draining)
		return changes_unavailable(r);
	struct change_place *places =
	    mem_zalloc((size_t)instance->partitions * sizeof *places);
	enum step_result result = find_places(r, epoch, places);
	if (result == STEP_MORE)
		result = open_feed(r, epoch, places);
	free(places);
	return result;
}

enum step_result changes_opened_step(struct request *r)
{
	if (r->changes == NULL) /* released: too late */
		return changes_unavailable(r);
	enum feed_state state = feed_state(r->changes->feed);
	if (state == FEED_OPEN)
		return changes_stream(r);
	changes_free(&r->changes);
	return state == FEED_EXPIRED ? expired(r) : changes_unavailable(r);
}

static bool changes_release(struct request *r)
{
	changes_free(&r->changes);
	return true;
}

const struct feature changes_feature = {
    .first = STEP_CHANGES, .release = changes_release};
