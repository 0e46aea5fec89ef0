/* HTTP/1.0: the answer ends with the connection.
 *
 * Every end goes through fetch_end, which frees the connection at once, and the
 * rest when the timer is closed: so after every callback that is on the stack.
 */
#include "common/http/fetch.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/http/resolve.h"
#include "common/net/client_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fetch {
	struct client_conn *conn;
	uv_timer_t timer;
	struct resolve *resolve;
	uv_loop_t *loop;
	char *host;
	int port;
	const struct tls_client_options *tls;
	struct buf request, answer;
	size_t most;
	fetch_done done; /* NULL: cancelled, or over */
	void *arg;
};

bool fetch_address(const char *address, char **host, int *port, bool *secure)
{
	static const char https[] = "https://";
	*secure = strncmp(address, https, sizeof https - 1) == 0;
	if (*secure)
		address += sizeof https - 1;
	const char *colon = strrchr(address, ':');
	char *end = NULL;
	long n = colon ? strtol(colon + 1, &end, 10) : 0;
	size_t len = colon ? (size_t)(colon - address) : 0;
	if (len == 0 || *end != '\0' || n < 1 || n > 65535)
		return false;
	bool brackets = len > 2 && address[0] == '[' && colon[-1] == ']';
	*host = brackets ? mem_strndup(address + 1, len - 2)
			 : mem_strndup(address, len);
	*port = (int)n;
	return true;
}

static void fetch_on_closed(uv_handle_t *h)
{
	struct fetch *f = h->data;
	buf_free(&f->request);
	buf_free(&f->answer);
	free(f->host);
	free(f);
}

static void fetch_end(struct fetch *f)
{
	f->done = NULL;
	resolve_cancel(&f->resolve);
	client_conn_free(&f->conn);
	uv_close((uv_handle_t *)&f->timer, fetch_on_closed);
}

static void fetch_finish(
    struct fetch *f, int status, const char *body, size_t len)
{
	fetch_done done = f->done;
	void *arg = f->arg;
	f->done = NULL;
	done(arg, status, body, len);
	fetch_end(f);
}

static void fetch_on_timer(uv_timer_t *t)
{
	fetch_finish(t->data, 0, "", 0);
}

static void fetch_judge(struct fetch *f)
{
	int status = 0;
	const char *all = f->answer.data;
	const char *head_end = all ? strstr(all, "\r\n\r\n") : NULL;
	if (head_end == NULL || sscanf(all, "HTTP/1.%*1d %3d", &status) != 1) {
		fetch_finish(f, 0, "", 0);
		return;
	}
	const char *body = head_end + 4;
	fetch_finish(f, status, body, f->answer.len - (size_t)(body - all));
}

static void fetch_on_connected(void *arg)
{
	struct fetch *f = arg;
	client_conn_send(f->conn, f->request.data, f->request.len);
}

static void fetch_on_data(void *arg, const char *bytes, size_t len)
{
	struct fetch *f = arg;
	buf_add(&f->answer, bytes, len);
	if (f->answer.len > f->most)
		fetch_finish(f, 0, "", 0);
}

static void fetch_on_lost(void *arg, bool ended, const char *why)
{
	struct fetch *f = arg;
	(void)why;
	if (ended)
		fetch_judge(f);
	else
		fetch_finish(f, 0, "", 0);
}

static void fetch_on_resolved(void *arg, const char *address, const char *error)
{
	struct fetch *f = arg;
	const struct client_conn_options o = {
	    .loop = f->loop,
	    .address = address,
	    .port = f->port,
	    .tls = f->tls,
	    .host = f->host,
	    .connected = fetch_on_connected,
	    .data = fetch_on_data,
	    .lost = fetch_on_lost,
	    .arg = f,
	};
	f->resolve = NULL;
	if (error)
		fetch_finish(f, 0, "", 0);
	else
		f->conn = client_conn_new(&o);
}

static void write_request(struct buf *out, const struct fetch_where *where,
    const struct fetch_what *what)
{
	buf_printf(out, "%s %s HTTP/1.0\r\nHost: localhost\r\n", what->method,
	    what->path);
	if (*where->token)
		buf_printf(out, "Authorization: Bearer %s\r\n", where->token);
	/* Without this header, a request that changes something is refused. */
	if (strcmp(what->method, "GET") != 0)
		buf_printf(out, "Sluice-Admin: 1\r\nContent-Length: %zu\r\n",
		    what->body_len);
	if (what->body)
		buf_str(out, "Content-Type: application/json\r\n");
	buf_str(out, "\r\n");
	if (what->body)
		buf_add(out, what->body, what->body_len);
}

struct fetch *fetch_start(struct loop *l, const struct fetch_where *where,
    const struct fetch_what *what, dur_us_t timeout, fetch_done done, void *arg)
{
	struct fetch *f = MEM_NEW(struct fetch);
	f->loop = loop_uv(l);
	f->host = mem_strdup(where->host);
	f->port = where->port;
	f->tls = where->tls;
	f->most = what->most;
	f->done = done;
	f->arg = arg;
	write_request(&f->request, where, what);
	uv_timer_init(f->loop, &f->timer);
	f->timer.data = f;
	f->resolve = resolve_start(l, where->host, fetch_on_resolved, f);
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
