/* HTTP/1.0: the answer ends with the connection.
 *
 * Every end goes through finish: it calls the owner and closes both handles.
 * The handle that is closed last frees everything.
 */
#include "projector/audit/fetch.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/http/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 1 << 20, PIECE = 16384 };

struct fetch {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_connect_t connect;
	uv_write_t write;
	struct resolve *resolve;
	int port;
	struct buf request, answer;
	char piece[PIECE];
	int open;	 /* handles */
	fetch_done done; /* NULL: cancelled, or over */
	void *arg;
};

static void fetch_on_closed(uv_handle_t *h)
{
	struct fetch *f = h->data;
	if (--f->open > 0)
		return;
	buf_free(&f->request);
	buf_free(&f->answer);
	free(f);
}

static void fetch_end(struct fetch *f)
{
	f->done = NULL;
	resolve_cancel(&f->resolve);
	uv_close((uv_handle_t *)&f->tcp, fetch_on_closed);
	uv_close((uv_handle_t *)&f->timer, fetch_on_closed);
}

static void fetch_finish(struct fetch *f, const char *body, size_t len)
{
	fetch_done done = f->done;
	void *arg = f->arg;
	f->done = NULL;
	done(arg, body, len);
	fetch_end(f);
}

static void fetch_on_timer(uv_timer_t *t)
{
	fetch_finish(t->data, NULL, 0);
}

static void fetch_judge(struct fetch *f)
{
	int status = 0;
	const char *all = f->answer.data;
	const char *head_end = all ? strstr(all, "\r\n\r\n") : NULL;
	if (head_end == NULL || sscanf(all, "HTTP/1.%*1d %3d", &status) != 1 ||
	    status != 200) {
		fetch_finish(f, NULL, 0);
		return;
	}
	const char *body = head_end + 4;
	fetch_finish(f, body, f->answer.len - (size_t)(body - all));
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
	(void)suggested;
	struct fetch *f = h->data;
	*out = uv_buf_init(f->piece, PIECE);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct fetch *f = s->data;
	if (n > 0)
		buf_add(&f->answer, b->base, (size_t)n);
	if (n == UV_EOF)
		fetch_judge(f);
	else if (n < 0 || f->answer.len > ANSWER_MAX)
		fetch_finish(f, NULL, 0);
}

static void on_written(uv_write_t *w, int status)
{
	struct fetch *f = w->data;
	if (status != 0 && f->done)
		fetch_finish(f, NULL, 0);
}

static void on_connected(uv_connect_t *c, int status)
{
	struct fetch *f = c->data;
	if (f->done == NULL)
		return;
	uv_buf_t b = uv_buf_init(f->request.data, (unsigned)f->request.len);
	if (status != 0 ||
	    uv_write(&f->write, (uv_stream_t *)&f->tcp, &b, 1, on_written) !=
		0 ||
	    uv_read_start((uv_stream_t *)&f->tcp, on_alloc, on_read) != 0)
		fetch_finish(f, NULL, 0);
}

static void fetch_on_resolved(void *arg, const char *address, const char *error)
{
	struct fetch *f = arg;
	struct sockaddr_storage a;
	f->resolve = NULL;
	if (error ||
	    (uv_ip4_addr(address, f->port, (struct sockaddr_in *)&a) != 0 &&
		uv_ip6_addr(address, f->port, (struct sockaddr_in6 *)&a) !=
		    0) ||
	    uv_tcp_connect(
		&f->connect, &f->tcp, (struct sockaddr *)&a, on_connected) != 0)
		fetch_finish(f, NULL, 0);
}

struct fetch *fetch_start(struct loop *l, const char *host, int port,
    const char *path, const char *token, dur_us_t timeout, fetch_done done,
    void *arg)
{
	struct fetch *f = MEM_NEW(struct fetch);
	f->port = port;
	f->done = done;
	f->arg = arg;
	f->open = 2;
	buf_printf(&f->request, "GET %s HTTP/1.0\r\nHost: localhost\r\n", path);
	if (*token)
		buf_printf(&f->request, "Authorization: Bearer %s\r\n", token);
	buf_str(&f->request, "\r\n");
	uv_tcp_init(loop_uv(l), &f->tcp);
	uv_timer_init(loop_uv(l), &f->timer);
	f->tcp.data = f->timer.data = f->connect.data = f->write.data = f;
	f->resolve = resolve_start(l, host, fetch_on_resolved, f);
	/* If nothing can be asked, `done` is called from the loop, too. */
	uv_timer_start(&f->timer, fetch_on_timer,
	    f->resolve ? (uint64_t)(timeout / 1000) : 0, 0);
	return f;
}

void fetch_cancel(struct fetch **fp)
{
	struct fetch *f = *fp;
	*fp = NULL;
	if (f)
		fetch_end(f);
}
