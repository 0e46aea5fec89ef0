/* It may be freed in the callback of a reply, so while replies are passed on.
 * Then its memory lives until they are.
 */
#include "common/redis/redis_conn.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct expected {
	redis_conn_done done;
	void *arg;
};

struct redis_conn {
	struct redis_conn_options o;
	struct client_conn *conn; /* NULL: it was freed */
	redisReader *reader;
	bool passing; /* replies on */
	struct buf out;
	/* A ring of the commands that were sent and not answered. */
	struct expected *ring;
	size_t first, n, cap;
};

/* --- the commands that wait ---------------------------------------------- */

static void expect(struct redis_conn *c, redis_conn_done done, void *arg)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		struct expected *ring = mem_alloc(cap * sizeof *ring);
		for (size_t i = 0; i < c->n; i++)
			ring[i] = c->ring[(c->first + i) & (c->cap - 1)];
		free(c->ring);
		c->ring = ring;
		c->cap = cap;
		c->first = 0;
	}
	c->ring[(c->first + c->n++) & (c->cap - 1)] =
	    (struct expected){done, arg};
}

static struct expected take_expected(struct redis_conn *c)
{
	struct expected e = c->ring[c->first];
	c->first = (c->first + 1) & (c->cap - 1);
	c->n--;
	return e;
}

/* --- commands ------------------------------------------------------------ */

static void add_argument(struct buf *out, const char *data, size_t len)
{
	char head[32];
	int n = snprintf(head, sizeof head, "$%zu\r\n", len);
	buf_add(out, head, (size_t)n);
	buf_add(out, data, len);
	buf_add(out, "\r\n", 2);
}

void redis_conn_command(struct redis_conn *c, int argc, const char *const *argv,
    const size_t *lens, redis_conn_done done, void *arg)
{
	char head[32];
	int n = snprintf(head, sizeof head, "*%d\r\n", argc);
	buf_clear(&c->out);
	buf_add(&c->out, head, (size_t)n);
	for (int i = 0; i < argc; i++)
		add_argument(&c->out, argv[i], lens[i]);
	expect(c, done, arg);
	client_conn_send(c->conn, c->out.data, c->out.len);
}

/* --- replies ------------------------------------------------------------- */

static void redis_conn_release(struct redis_conn *c)
{
	redisReaderFree(c->reader);
	buf_free(&c->out);
	free(c->ring);
	free(c);
}

static void redis_conn_lost(struct redis_conn *c, const char *why)
{
	if (c->conn)
		c->o.lost(c->o.arg, why);
}

/* Calls back with every reply that is complete. */
static void pass_replies(struct redis_conn *c)
{
	void *reply = NULL;
	while (c->conn) {
		if (redisReaderGetReply(c->reader, &reply) != REDIS_OK) {
			redis_conn_lost(c, c->reader->errstr);
			return;
		}
		if (reply == NULL)
			return;
		if (c->n > 0) {
			struct expected e = take_expected(c);
			e.done(c, reply, e.arg);
		} else {
			redis_conn_lost(c, "a reply that nobody asked for");
		}
		freeReplyObject(reply);
	}
}

static void redis_conn_on_data(void *arg, const char *bytes, size_t len)
{
	struct redis_conn *c = arg;
	c->passing = true;
	redisReaderFeed(c->reader, bytes, len);
	pass_replies(c);
	c->passing = false;
	if (c->conn == NULL)
		redis_conn_release(c);
}

static void redis_conn_on_connected(void *arg)
{
	struct redis_conn *c = arg;
	c->o.connected(c->o.arg);
}

static void redis_conn_on_lost(void *arg, bool ended, const char *why)
{
	(void)ended;
	redis_conn_lost(arg, why);
}

/* --- life ---------------------------------------------------------------- */

struct redis_conn *redis_conn_new(const struct redis_conn_options *o)
{
	struct redis_conn *c = MEM_NEW(struct redis_conn);
	const struct client_conn_options conn = {
	    .loop = o->loop,
	    .address = o->address,
	    .port = o->port,
	    .tls = o->tls,
	    .host = o->host,
	    .connected = redis_conn_on_connected,
	    .data = redis_conn_on_data,
	    .lost = redis_conn_on_lost,
	    .arg = c,
	};
	c->o = *o;
	c->reader = redisReaderCreate();
	CHECK(c->reader != NULL);
	c->conn = client_conn_new(&conn);
	return c;
}

void *redis_conn_owner(const struct redis_conn *c)
{
	return c->o.arg;
}

void redis_conn_free(struct redis_conn **cp)
{
	struct redis_conn *c = *cp;
	*cp = NULL;
	if (c == NULL)
		return;
	client_conn_free(&c->conn);
	while (c->n > 0) {
		struct expected e = take_expected(c);
		e.done(c, NULL, e.arg);
	}
	if (!c->passing)
		redis_conn_release(c);
}
