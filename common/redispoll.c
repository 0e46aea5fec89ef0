/* In place of hiredis's own adapter, which ignores an error of the socket:
 * libuv has then stopped to poll, so that a connection that was reset stays
 * open for ever and answers nothing. Here hiredis reads, finds the error and
 * tells it.
 */
#include "common/redispoll.h"

#include "common/check.h"
#include "common/mem.h"

#include <stdlib.h>

struct redispoll {
	redisAsyncContext *ac; /* NULL: freed */
	uv_poll_t handle;
	int events;
};

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct redispoll *p = handle->data;
	if (p->ac && (status < 0 || events & UV_READABLE))
		redisAsyncHandleRead(p->ac);
	/* It may be freed by now. */
	if (p->ac && status == 0 && events & UV_WRITABLE)
		redisAsyncHandleWrite(p->ac);
}

static void want(struct redispoll *p, int events)
{
	p->events = events;
	if (events)
		CHECK_OS(uv_poll_start(&p->handle, events, on_poll));
	else
		CHECK_OS(uv_poll_stop(&p->handle));
}

static void add_read(void *arg)
{
	struct redispoll *p = arg;
	want(p, p->events | UV_READABLE);
}

static void del_read(void *arg)
{
	struct redispoll *p = arg;
	want(p, p->events & ~UV_READABLE);
}

static void add_write(void *arg)
{
	struct redispoll *p = arg;
	want(p, p->events | UV_WRITABLE);
}

static void del_write(void *arg)
{
	struct redispoll *p = arg;
	want(p, p->events & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void cleanup(void *arg)
{
	struct redispoll *p = arg;
	p->ac = NULL;
	uv_close((uv_handle_t *)&p->handle, on_closed);
}

void redispoll_attach(redisAsyncContext *ac, uv_loop_t *loop)
{
	CHECK(ac->ev.data == NULL);
	struct redispoll *p = MEM_NEW(struct redispoll);
	p->ac = ac;
	CHECK_OS(uv_poll_init(loop, &p->handle, ac->c.fd));
	p->handle.data = p;
	ac->ev.data = p;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
}
