/* What an HTTP server can do that only fetches: libmicrohttpd on libuv loops
 * with one backend behind it, no cache, no versions. What Sluice's reads from
 * Redis and from the replica are measured against. Every loop has a daemon on a
 * shared port (as Sluice has, and bare.c in mode `libuv`) and connections of
 * its own; a request waits suspended for its answer.
 *
 * The password of Redis is in the environment: REDISCLI_AUTH.
 *
 * usage: reference redis PORT REDIS_PORT [header value]...
 *        reference postgres PORT URL [header value]...
 *        reference aside PORT REDIS_PORT,URL [header value]...
 *
 *   redis     GET bench:<last segment of the path>; one connection per loop,
 *             requests are pipelined as they come
 *   postgres  SELECT ... WHERE key = ANY($1): a query takes all that wait, up
 *             to 256 keys; 5 connections per loop
 *   aside     cache-aside: first the one, then, if there is no such key, the
 *             other; what it answers is SET for 100 ms
 */
#include "server.h"

#include <hiredis/adapters/libuv.h>
#include <hiredis/async.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SLOTS = 5, /* connections to Postgres, per loop */
	BATCH = 256,
	KEY_MAX = 64,
	SQL_MAX = BATCH * (KEY_MAX + 4),
};

struct request {
	struct request *next;
	struct MHD_Connection *connection;
	struct MHD_Response *response;
	char key[KEY_MAX];
};

struct slot {
	struct thread *thread;
	PGconn *pg;
	uv_poll_t poll;
	struct request *batch[BATCH];
	size_t n;
};

struct thread {
	struct server server;
	redisAsyncContext *redis;
	struct slot slots[SLOTS];
	struct request *first, **last; /* that wait for a slot */
};

static char **headers;	/* of every answer */
static int redis_port;	/* 0: none */
static const char *url; /* of Postgres; NULL: none */

/* --- answers ------------------------------------------------------------- */

static void answer(
    struct thread *t, struct request *r, const char *text, size_t len)
{
	r->response = MHD_create_response_from_buffer(
	    len, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	for (char **h = headers; h[0] && h[1]; h += 2)
		server_need(
		    MHD_add_response_header(r->response, h[0], h[1]) == MHD_YES,
		    "bad header");
	MHD_resume_connection(r->connection);
	t->server.resumed = true;
}

/* --- Postgres ------------------------------------------------------------ */

static void send_batch(struct slot *s)
{
	struct thread *t = s->thread;
	static _Thread_local char keys[SQL_MAX];
	size_t at = 0;
	keys[at++] = '{';
	for (s->n = 0; t->first && s->n < BATCH; s->n++) {
		struct request *r = s->batch[s->n] = t->first;
		t->first = r->next;
		at += (size_t)snprintf(keys + at, sizeof keys - at, "%s\"%s\"",
		    s->n ? "," : "", r->key);
	}
	if (t->first == NULL)
		t->last = &t->first;
	if (s->n == 0)
		return;
	keys[at++] = '}';
	keys[at] = '\0';
	const char *values[] = {keys};
	server_need(
	    PQsendQueryPrepared(s->pg, "read", 1, values, NULL, NULL, 1) == 1 &&
		PQflush(s->pg) == 0,
	    "cannot query");
}

static void fill(
    struct thread *t, const char *key, const char *text, size_t len)
{
	server_need(redisAsyncCommand(t->redis, NULL, NULL,
			"SET bench:%s %b PX 100", key, text, len) == REDIS_OK,
	    "cannot fill Redis");
}

static void answer_rows(struct slot *s, const PGresult *r)
{
	server_need(
	    PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == (int)s->n,
	    "not a row for every key");
	for (int i = 0; i < PQntuples(r); i++) {
		size_t k = 0;
		/* Mostly in order. */
		while (k < s->n &&
		       (s->batch[k] == NULL ||
			   strcmp(s->batch[k]->key, PQgetvalue(r, i, 0)) != 0))
			k++;
		server_need(k < s->n, "a key that was not asked for");
		answer(s->thread, s->batch[k], PQgetvalue(r, i, 1),
		    (size_t)PQgetlength(r, i, 1));
		if (redis_port)
			fill(s->thread, s->batch[k]->key, PQgetvalue(r, i, 1),
			    (size_t)PQgetlength(r, i, 1));
		s->batch[k] = NULL;
	}
	s->n = 0;
}

static void on_postgres(uv_poll_t *poll, int status, int events)
{
	struct slot *s = poll->data;
	(void)status;
	(void)events;
	server_need(PQconsumeInput(s->pg) == 1, "Postgres is gone");
	while (!PQisBusy(s->pg)) {
		PGresult *r = PQgetResult(s->pg);
		if (r == NULL)
			break;
		answer_rows(s, r);
		PQclear(r);
	}
	if (s->n == 0)
		send_batch(s);
}

static void connect_postgres(struct thread *t)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &t->slots[i];
		s->thread = t;
		s->pg = PQconnectdb(url);
		server_need(PQstatus(s->pg) == CONNECTION_OK, "no Postgres");
		PGresult *r = PQprepare(s->pg, "read",
		    "SELECT \"key\", row_to_json(d)::text FROM (SELECT \"key\","
		    " value, created_at, updated_at FROM public.records"
		    " WHERE \"key\" = ANY($1::text[])) d",
		    1, NULL);
		server_need(
		    PQresultStatus(r) == PGRES_COMMAND_OK, "cannot prepare");
		PQclear(r);
		server_need(
		    PQsetnonblocking(s->pg, 1) == 0, "cannot be nonblocking");
		uv_poll_init(&t->server.loop, &s->poll, PQsocket(s->pg));
		s->poll.data = s;
		uv_poll_start(&s->poll, UV_READABLE, on_postgres);
	}
}

static void ask_postgres(struct thread *t, struct request *r)
{
	r->next = NULL;
	*t->last = r;
	t->last = &r->next;
	for (size_t i = 0; i < SLOTS; i++) {
		if (t->slots[i].n == 0) {
			send_batch(&t->slots[i]);
			return;
		}
	}
}

/* --- Redis --------------------------------------------------------------- */

static void on_reply(redisAsyncContext *c, void *reply, void *request)
{
	const redisReply *r = reply;
	server_need(r != NULL, "Redis is gone");
	if (url && r->type == REDIS_REPLY_NIL) {
		ask_postgres(c->data, request);
		return;
	}
	server_need(r->type == REDIS_REPLY_STRING, "Redis has no such key");
	answer(c->data, request, r->str, (size_t)r->len);
}

static void connect_redis(struct thread *t)
{
	t->redis = redisAsyncConnect("127.0.0.1", redis_port);
	server_need(t->redis && t->redis->err == 0, "no Redis");
	t->redis->data = t;
	server_need(redisLibuvAttach(t->redis, &t->server.loop) == REDIS_OK,
	    "no Redis");
	server_need(redisAsyncCommand(t->redis, NULL, NULL, "AUTH %s",
			getenv("REDISCLI_AUTH")) == REDIS_OK,
	    "no Redis");
}

/* --- requests ------------------------------------------------------------ */

static void fetch(struct thread *t, struct request *r)
{
	MHD_suspend_connection(r->connection);
	if (redis_port == 0)
		ask_postgres(t, r);
	else
		server_need(redisAsyncCommand(t->redis, on_reply, r,
				"GET bench:%s", r->key) == REDIS_OK,
		    "cannot ask Redis");
}

static enum MHD_Result on_request(void *thread, struct MHD_Connection *c,
    const char *path, const char *method, const char *version, const char *data,
    size_t *len, void **seen)
{
	struct request *r = *seen;
	(void)method;
	(void)version;
	(void)data;
	(void)len;
	if (r == NULL) {
		*seen = r = calloc(1, sizeof *r);
		server_need(r != NULL, "out of memory");
		r->connection = c;
		snprintf(r->key, sizeof r->key, "%s", strrchr(path, '/') + 1);
		return MHD_YES;
	}
	if (r->response)
		return MHD_queue_response(c, MHD_HTTP_OK, r->response);
	fetch(thread, r);
	return MHD_YES;
}

static void on_completed(void *thread, struct MHD_Connection *c, void **seen,
    enum MHD_RequestTerminationCode how)
{
	struct request *r = *seen;
	(void)thread;
	(void)c;
	(void)how;
	if (r && r->response)
		MHD_destroy_response(r->response);
	free(r);
}

int main(int argc, char **argv)
{
	static struct thread threads[SERVER_THREADS];
	server_need(argc >= 4,
	    "usage: reference redis|postgres|aside PORT"
	    " REDIS_PORT|URL|REDIS_PORT,URL [header value]...");
	redis_port = strcmp(argv[1], "postgres") == 0 ? 0 : atoi(argv[3]);
	if (strcmp(argv[1], "redis") != 0)
		url = redis_port ? strchr(argv[3], ',') + 1 : argv[3];
	headers = argv + 4;
	struct sockaddr_in at = server_address(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < SERVER_THREADS; i++) {
		struct thread *t = &threads[i];
		t->last = &t->first;
		server_open(&t->server, &at, on_request, on_completed, t);
		if (redis_port)
			connect_redis(t);
		if (url)
			connect_postgres(t);
		server_run(&t->server);
	}
	for (;;)
		pause();
}
