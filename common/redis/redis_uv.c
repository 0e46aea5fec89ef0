/* Replaces hiredis's own adapter, which ignores errors of the socket. After an
 * error, libuv does not poll any more. So a connection that was reset would
 * stay open for ever, without answers. Here hiredis reads, finds the error and
 * reports it.
 *
 * Commands are written once per turn of the loop, before it blocks. So all
 * commands of a turn are one packet, and no system call is needed to poll a
 * socket that is nearly always writable. The socket is polled for writing only
 * if its buffer is full, or while it connects. (The write is in an idle handle:
 * while one is active, the loop does not block, whatever the phase of the turn
 * in which it was started.)
 */
#include "common/redis/redis_uv.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdbool.h>
#include <stdlib.h>

struct redis_uv {
	redisAsyncContext *ac; /* NULL: freed */
	uv_poll_t handle;
	uv_idle_t flush;
	int events;
	bool flushing; /* the rest then waits for the socket */
	int closing;   /* handles that are not closed yet */
};

static void redis_uv_on_poll(uv_poll_t *handle, int status, int events)
{
	struct redis_uv *p = handle->data;
	if (p->ac && (status < 0 || events & UV_READABLE))
		redisAsyncHandleRead(p->ac);
	/* The read may have freed it. */
	if (p->ac && status == 0 && events & UV_WRITABLE)
		redisAsyncHandleWrite(p->ac);
}

/* libuv makes a system call even if nothing changes. */
static void want(struct redis_uv *p, int events)
{
	if (events == p->events)
		return;
	p->events = events;
	if (events)
		CHECK_OS(uv_poll_start(&p->handle, events, redis_uv_on_poll));
	else
		CHECK_OS(uv_poll_stop(&p->handle));
}

static void add_read(void *arg)
{
	struct redis_uv *p = arg;
	want(p, p->events | UV_READABLE);
}

static void del_read(void *arg)
{
	struct redis_uv *p = arg;
	want(p, p->events & ~UV_READABLE);
}

static void on_flush(uv_idle_t *flush)
{
	struct redis_uv *p = flush->data;
	CHECK_OS(uv_idle_stop(flush));
	if (p->ac == NULL)
		return;
	p->flushing = true;
	redisAsyncHandleWrite(p->ac);
	p->flushing = false;
}

static void add_write(void *arg)
{
	struct redis_uv *p = arg;
	if (p->flushing || !(p->ac->c.flags & REDIS_CONNECTED))
		want(p, p->events | UV_WRITABLE);
	else if (!(p->events & UV_WRITABLE))
		CHECK_OS(uv_idle_start(&p->flush, on_flush));
}

static void del_write(void *arg)
{
	struct redis_uv *p = arg;
	CHECK_OS(uv_idle_stop(&p->flush));
	want(p, p->events & ~UV_WRITABLE);
}

static void redis_uv_on_closed(uv_handle_t *handle)
{
	struct redis_uv *p = handle->data;
	if (--p->closing == 0)
		free(p);
}

static void cleanup(void *arg)
{
	struct redis_uv *p = arg;
	p->ac = NULL;
	p->closing = 2;
	uv_close((uv_handle_t *)&p->handle, redis_uv_on_closed);
	uv_close((uv_handle_t *)&p->flush, redis_uv_on_closed);
}

void redis_uv_attach(redisAsyncContext *ac, uv_loop_t *loop)
{
	CHECK(ac->ev.data == NULL);
	struct redis_uv *p = MEM_NEW(struct redis_uv);
	p->ac = ac;
	CHECK_OS(uv_poll_init(loop, &p->handle, ac->c.fd));
	CHECK_OS(uv_idle_init(loop, &p->flush));
	p->handle.data = p->flush.data = p;
	ac->ev.data = p;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
}
