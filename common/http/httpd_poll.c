#include "common/http/httpd_poll.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <stdlib.h>

struct httpd_poll {
	struct MHD_Daemon *mhd;
	bool again;
	uv_poll_t *poll;
	uv_check_t *check;
	uv_prepare_t *prepare;
	uv_idle_t *busy;
	struct loop_timer *timeout; /* libmicrohttpd's */
};

static void on_busy(uv_idle_t *busy);

/* If libmicrohttpd has more to do, it continues in the next turn of the loop,
 * so that timers and other events get their turn. A timer of 0 ms would not do:
 * libuv would run it again and again in one turn. */
static void httpd_poll_run(struct httpd_poll *p)
{
	enum { ROUNDS = 4 };
	p->again = true;
	/* A connection that is resumed inside MHD_run is served by the next
	 * call. */
	for (int i = 0; i < ROUNDS && p->again; i++) {
		p->again = false;
		MHD_run(p->mhd);
	}
	MHD_UNSIGNED_LONG_LONG ms;
	bool timed = MHD_get_timeout(p->mhd, &ms) == MHD_YES;
	bool busy = p->again || (timed && ms == 0);
	if (timed && !busy)
		loop_timer_start(p->timeout, CLOCK_MS((int64_t)ms));
	else
		loop_timer_stop(p->timeout);
	if (busy)
		CHECK_OS(uv_idle_start(p->busy, on_busy));
	else
		uv_idle_stop(p->busy);
}

static void on_busy(uv_idle_t *busy)
{
	httpd_poll_run(busy->data);
}

static void httpd_poll_on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	httpd_poll_run(poll->data);
}

static void on_timeout(void *arg)
{
	httpd_poll_run(arg);
}

static void httpd_poll_on_check(uv_check_t *check)
{
	struct httpd_poll *p = check->data;
	if (p->again)
		httpd_poll_run(p);
}

static void httpd_poll_on_prepare(uv_prepare_t *prepare)
{
	struct httpd_poll *p = prepare->data;
	if (p->again)
		httpd_poll_run(p);
}

struct httpd_poll *httpd_poll_new(struct loop *loop, struct MHD_Daemon *mhd)
{
	struct httpd_poll *p = MEM_NEW(struct httpd_poll);
	uv_loop_t *uv = loop_uv(loop);
	const union MHD_DaemonInfo *info =
	    MHD_get_daemon_info(mhd, MHD_DAEMON_INFO_EPOLL_FD);
	p->mhd = mhd;
	p->poll = MEM_NEW(uv_poll_t);
	CHECK_OS(uv_poll_init(uv, p->poll, info->epoll_fd));
	p->poll->data = p;
	CHECK_OS(uv_poll_start(p->poll, UV_READABLE, httpd_poll_on_poll));
	p->busy = MEM_NEW(uv_idle_t);
	CHECK_OS(uv_idle_init(uv, p->busy));
	p->busy->data = p;
	p->check = MEM_NEW(uv_check_t);
	CHECK_OS(uv_check_init(uv, p->check));
	p->check->data = p;
	CHECK_OS(uv_check_start(p->check, httpd_poll_on_check));
	p->prepare = MEM_NEW(uv_prepare_t);
	CHECK_OS(uv_prepare_init(uv, p->prepare));
	p->prepare->data = p;
	CHECK_OS(uv_prepare_start(p->prepare, httpd_poll_on_prepare));
	p->timeout = loop_timer_new(loop, on_timeout, p);
	return p;
}

void httpd_poll_again(struct httpd_poll *p)
{
	if (p)
		p->again = true;
}

static void httpd_poll_free_handle(uv_handle_t *handle)
{
	free(handle);
}

void httpd_poll_free(struct httpd_poll **pp)
{
	struct httpd_poll *p = *pp;
	if (p == NULL)
		return;
	uv_close((uv_handle_t *)p->busy, httpd_poll_free_handle);
	uv_close((uv_handle_t *)p->poll, httpd_poll_free_handle);
	uv_close((uv_handle_t *)p->check, httpd_poll_free_handle);
	uv_close((uv_handle_t *)p->prepare, httpd_poll_free_handle);
	loop_timer_free(&p->timeout);
	free(p);
	*pp = NULL;
}
