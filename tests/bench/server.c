#include "server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

void server_need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "error: %s\n", what);
	exit(1);
}

struct sockaddr_in server_address(const char *port)
{
	return (struct sockaddr_in){
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(port)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static void run(struct server *s);

static void on_timeout(uv_timer_t *timeout)
{
	run(timeout->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

static void on_check(uv_check_t *check)
{
	struct server *s = check->data;
	if (s->resumed)
		run(s);
}

static void run(struct server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;
	s->resumed = false;
	MHD_run(s->mhd);
	if (MHD_get_timeout(s->mhd, &ms) == MHD_YES)
		uv_timer_start(&s->timeout, on_timeout, ms, 0);
	else
		uv_timer_stop(&s->timeout);
}

static int shared_socket(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
	server_need(bind(fd, (const struct sockaddr *)at, sizeof *at) == 0 &&
			listen(fd, SOMAXCONN) == 0,
	    "cannot have the port");
	return fd;
}

void server_open(struct server *s, const struct sockaddr_in *at,
    MHD_AccessHandlerCallback handler, MHD_RequestCompletedCallback completed,
    void *arg)
{
	s->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0,
	    NULL, NULL, handler, arg, MHD_OPTION_LISTEN_SOCKET,
	    shared_socket(at), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)SERVER_CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED,
	    completed, arg, MHD_OPTION_END);
	server_need(s->mhd != NULL, "cannot start the daemon");
	int fd =
	    MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	uv_loop_init(&s->loop);
	uv_timer_init(&s->loop, &s->timeout);
	uv_poll_init(&s->loop, &s->poll, fd);
	uv_check_init(&s->loop, &s->check);
	s->timeout.data = s->poll.data = s->check.data = s;
	uv_poll_start(&s->poll, UV_READABLE, on_poll);
	uv_check_start(&s->check, on_check);
}

static void *loop(void *server)
{
	uv_run(&((struct server *)server)->loop, UV_RUN_DEFAULT);
	return NULL;
}

void server_run(struct server *s)
{
	server_need(
	    pthread_create(&s->thread, NULL, loop, s) == 0, "no thread");
}
