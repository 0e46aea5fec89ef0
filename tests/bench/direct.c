/* What one would write instead of Sluice: libmicrohttpd on libuv loops that
 * puts the document of each `PUT .../{key}` where it belongs, and answers 204
 * when it is there. What Sluice's writes over HTTP are measured against.
 *
 *   direct postgres PORT URL TABLE       one prepared upsert per request, over
 *                                        10 connections; answered after the
 *                                        commit
 *   direct kafka PORT SERVERS TOPIC      one record per request, by an
 * idempotent producer with acks=all and Sluice's settings, to a new topic of as
 * many partitions as Sluice has; answered after the delivery report
 *
 * The body is `{"value":TEXT}`, as for the collection `records`.
 */
#include "server.h"
#include "stream.h"

#include <jansson.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SLOTS = 10 / SERVER_THREADS, /* connections to Postgres, per loop */
	KEY_MAX = 64,
	BODY_MAX = 1024,
	PARTITIONS = 2,
};

struct request {
	struct request *next;
	struct thread *thread;
	struct MHD_Connection *connection;
	bool begun, done;
	char key[KEY_MAX];
	char body[BODY_MAX];
	size_t len;
};

struct slot {
	struct thread *thread;
	PGconn *pg;
	uv_poll_t poll;
	struct request *request; /* NULL: it is free */
};

struct thread {
	struct server server;
	struct slot slots[SLOTS];
	struct request *first, **last; /* that wait for a slot */
	pthread_mutex_t lock;
	struct request *delivered; /* under lock; newest first */
	uv_async_t async;
};

static struct MHD_Response *response;
static const char *table; /* NULL: it goes to Kafka */
static rd_kafka_t *producer;
static rd_kafka_topic_t *topic;

static void answer(struct request *r)
{
	r->done = true;
	MHD_resume_connection(r->connection);
	r->thread->server.resumed = true;
}

/* --- Postgres ------------------------------------------------------------ */

static void send_upsert(struct slot *s, struct request *r)
{
	json_t *document = json_loadb(r->body, r->len, 0, NULL);
	const char *values[] = {
	    r->key, json_string_value(json_object_get(document, "value"))};
	server_need(values[1] != NULL, "a body without its value");
	server_need(PQsendQueryPrepared(
			s->pg, "upsert", 2, values, NULL, NULL, 0) == 1 &&
			PQflush(s->pg) == 0,
	    "cannot send");
	json_decref(document);
	s->request = r;
}

static void send_next(struct slot *s)
{
	struct thread *t = s->thread;
	struct request *r = t->first;
	if (r == NULL)
		return;
	t->first = r->next;
	if (t->first == NULL)
		t->last = &t->first;
	send_upsert(s, r);
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
		server_need(PQresultStatus(r) == PGRES_COMMAND_OK,
		    PQresultErrorMessage(r));
		PQclear(r);
		answer(s->request);
		s->request = NULL;
	}
	if (s->request == NULL)
		send_next(s);
}

static void prepare(PGconn *pg)
{
	char sql[512];
	snprintf(sql, sizeof sql,
	    "INSERT INTO %s AS t (\"key\", value, created_at, updated_at,"
	    " version) VALUES ($1, $2, now(), now(), 1)"
	    " ON CONFLICT (\"key\") DO UPDATE SET value = excluded.value,"
	    " updated_at = excluded.updated_at, version = t.version + 1",
	    table);
	PGresult *r = PQprepare(pg, "upsert", sql, 2, NULL);
	server_need(PQresultStatus(r) == PGRES_COMMAND_OK, PQerrorMessage(pg));
	PQclear(r);
}

static void connect_postgres(struct thread *t, const char *url)
{
	t->last = &t->first;
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &t->slots[i];
		s->thread = t;
		s->pg = PQconnectdb(url);
		server_need(
		    PQstatus(s->pg) == CONNECTION_OK, PQerrorMessage(s->pg));
		prepare(s->pg);
		server_need(
		    PQsetnonblocking(s->pg, 1) == 0, "cannot be nonblocking");
		uv_poll_init(&t->server.loop, &s->poll, PQsocket(s->pg));
		s->poll.data = s;
		uv_poll_start(&s->poll, UV_READABLE, on_postgres);
	}
}

static void to_postgres(struct thread *t, struct request *r)
{
	*t->last = r;
	t->last = &r->next;
	for (size_t i = 0; i < SLOTS; i++) {
		if (t->slots[i].request == NULL) {
			send_next(&t->slots[i]);
			return;
		}
	}
}

/* --- Kafka --------------------------------------------------------------- */

/* On the main thread. */
static void on_delivered(void *request)
{
	struct request *r = request;
	struct thread *t = r->thread;
	pthread_mutex_lock(&t->lock);
	bool first = t->delivered == NULL;
	r->next = t->delivered;
	t->delivered = r;
	pthread_mutex_unlock(&t->lock);
	if (first)
		uv_async_send(&t->async);
}

static void on_async(uv_async_t *async)
{
	struct thread *t = async->data;
	pthread_mutex_lock(&t->lock);
	struct request *r = t->delivered;
	t->delivered = NULL;
	pthread_mutex_unlock(&t->lock);
	while (r) {
		struct request *next = r->next;
		answer(r);
		r = next;
	}
}

static void connect_kafka(struct thread *t)
{
	pthread_mutex_init(&t->lock, NULL);
	uv_async_init(&t->server.loop, &t->async, on_async);
	t->async.data = t;
}

static void to_kafka(struct request *r)
{
	server_need(
	    rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
		r->body, r->len, r->key, strlen(r->key), r) == 0,
	    "Kafka takes no record");
}

static void open_kafka(const char *servers, const char *name)
{
	producer = stream_producer(servers, "1", on_delivered);
	stream_topic(producer, name, PARTITIONS);
	topic = rd_kafka_topic_new(producer, name, NULL);
}

/* --- requests ------------------------------------------------------------ */

static struct request *request_new(
    struct thread *t, struct MHD_Connection *c, const char *path)
{
	struct request *r = calloc(1, sizeof *r);
	server_need(r != NULL, "out of memory");
	r->thread = t;
	r->connection = c;
	snprintf(r->key, sizeof r->key, "%s", strrchr(path, '/') + 1);
	return r;
}

static void take_body(struct request *r, const char *data, size_t *len)
{
	server_need(r->len + *len <= BODY_MAX, "a body is too long");
	memcpy(r->body + r->len, data, *len);
	r->len += *len;
	*len = 0;
}

static enum MHD_Result on_request(void *thread, struct MHD_Connection *c,
    const char *path, const char *method, const char *version, const char *data,
    size_t *len, void **seen)
{
	struct request *r = *seen;
	(void)method;
	(void)version;
	if (r == NULL) {
		*seen = request_new(thread, c, path);
	} else if (*len) {
		take_body(r, data, len);
	} else if (r->done ||
		   r->len == 0) { /* without a body: a health check */
		return MHD_queue_response(c, MHD_HTTP_OK, response);
	} else if (!r->begun) {
		r->begun = true;
		MHD_suspend_connection(c);
		table ? to_postgres(thread, r) : to_kafka(r);
	}
	return MHD_YES;
}

static void on_completed(void *thread, struct MHD_Connection *c, void **seen,
    enum MHD_RequestTerminationCode how)
{
	(void)thread;
	(void)c;
	(void)how;
	free(*seen);
}

int main(int argc, char **argv)
{
	static struct thread threads[SERVER_THREADS];
	server_need(argc == 5, "usage: direct postgres PORT URL TABLE |"
			       " direct kafka PORT SERVERS TOPIC");
	if (strcmp(argv[1], "postgres") == 0)
		table = argv[4];
	else
		open_kafka(argv[3], argv[4]);
	struct sockaddr_in at = server_address(argv[2]);
	signal(SIGPIPE, SIG_IGN);
	response = MHD_create_response_from_buffer(
	    0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
	for (size_t i = 0; i < SERVER_THREADS; i++) {
		struct thread *t = &threads[i];
		server_open(&t->server, &at, on_request, on_completed, t);
		table ? connect_postgres(t, argv[3]) : connect_kafka(t);
	}
	for (size_t i = 0; i < SERVER_THREADS; i++)
		server_run(&threads[i].server);
	for (;;)
		producer ? rd_kafka_poll(producer, 1000) : pause();
}
