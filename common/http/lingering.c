#include "common/http/lingering.h"

#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MOST = 64,
	TIME_US = 2000000,
	BYTES = 16 << 20,
	PIECE = 64 << 10,
	PIECES = 4, /* in one turn of the loop */
};

struct socket {
	struct lingering *linger;
	struct socket *next, *prev;
	uv_poll_t poll;
	struct loop_timer *timer;
	int fd;
	size_t left; /* bytes that it may still send */
};

struct lingering {
	struct loop *loop;
	struct socket *sockets;
	size_t n;
	char piece[PIECE];
};

static void lingering_on_closed(uv_handle_t *handle)
{
	struct socket *s = handle->data;
	close(s->fd);
	free(s);
}

static void lingering_drop(struct socket *s)
{
	struct lingering *l = s->linger;
	*(s->prev ? &s->prev->next : &l->sockets) = s->next;
	if (s->next)
		s->next->prev = s->prev;
	l->n--;
	loop_timer_free(&s->timer);
	uv_close((uv_handle_t *)&s->poll, lingering_on_closed);
}

static void lingering_on_timer(void *arg)
{
	lingering_drop(arg);
}

static void lingering_on_poll(uv_poll_t *poll, int status, int events)
{
	struct socket *s = poll->data;
	(void)events;
	for (int i = 0; i < PIECES && status == 0; i++) {
		ssize_t n = recv(s->fd, s->linger->piece, PIECE, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || (size_t)n >= s->left) {
			lingering_drop(s);
			return;
		}
		s->left -= (size_t)n;
	}
	if (status != 0)
		lingering_drop(s);
}

struct lingering *lingering_new(struct loop *loop)
{
	struct lingering *l = MEM_NEW(struct lingering);
	l->loop = loop;
	return l;
}

void lingering_add(struct lingering *l, int fd)
{
	int own = l->n < MOST ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (own < 0)
		return;
	struct socket *s = MEM_NEW(struct socket);
	*s = (struct socket){
	    .linger = l, .fd = own, .left = BYTES, .next = l->sockets};
	if (uv_poll_init(loop_uv(l->loop), &s->poll, own) != 0) {
		close(own);
		free(s);
		return;
	}
	s->poll.data = s;
	if (s->next)
		s->next->prev = s;
	l->sockets = s;
	l->n++;
	s->timer = loop_timer_new(l->loop, lingering_on_timer, s);
	loop_timer_start(s->timer, TIME_US);
	if (uv_poll_start(&s->poll, UV_READABLE, lingering_on_poll) != 0)
		lingering_drop(s);
}

size_t lingering_count(const struct lingering *l)
{
	return l ? l->n : 0;
}

void lingering_free(struct lingering **lp)
{
	struct lingering *l = *lp;
	if (l == NULL)
		return;
	while (l->sockets)
		lingering_drop(l->sockets);
	free(l);
	*lp = NULL;
}
