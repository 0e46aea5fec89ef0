/* The least that a libmicrohttpd server can do: every GET gets the same
 * MHD_Response, made once, queued in the second call of the access handler (in
 * the first it would close the connection). What Sluice's L1 hit is measured
 * against.
 *
 * usage: bare pool|libuv PORT BODY_FILE [header value]...
 *
 *   pool   libmicrohttpd's own pool of two threads, each with its epoll
 *   libuv  two threads, each with a libuv loop and a daemon in external-epoll
 *          mode on a shared port, as Sluice has them
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum {
	THREADS = 2,
	/* As in common/httpd.c: libmicrohttpd clears it for every request. */
	CONNECTION_MEMORY = 24 * 1024,
	BODY_MAX = 1 << 20,
};

struct thread {
	pthread_t thread;
	uv_loop_t loop;
	uv_poll_t poll;
	uv_timer_t timeout;
	struct MHD_Daemon *mhd;
};

static void need(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bare: %s\n", what);
	exit(1);
}

static enum MHD_Result answer(void *response, struct MHD_Connection *c,
    const char *path, const char *method, const char *version, const char *data,
    size_t *len, void **seen)
{
	(void)path;
	(void)method;
	(void)version;
	(void)data;
	(void)len;
	if (*seen == NULL) {
		*seen = c;
		return MHD_YES;
	}
	return MHD_queue_response(c, MHD_HTTP_OK, response);
}

static struct MHD_Response *make_response(const char *file, char **headers)
{
	char *body = malloc(BODY_MAX);
	FILE *f = fopen(file, "r");
	need(body && f, "cannot read the body");
	size_t len = fread(body, 1, BODY_MAX, f);
	fclose(f);
	struct MHD_Response *r =
	    MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
	for (; headers[0] && headers[1]; headers += 2)
		need(MHD_add_response_header(r, headers[0], headers[1]) ==
			 MHD_YES,
		    "bad header");
	return r;
}

/* --- pool ---------------------------------------------------------------- */

static void start_pool(struct sockaddr_in *at, struct MHD_Response *r)
{
	struct MHD_Daemon *mhd = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD,
	    0, NULL, NULL, answer, r, MHD_OPTION_SOCK_ADDR, at,
	    MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	    MHD_OPTION_END);
	need(mhd != NULL, "cannot start the daemon");
}

/* --- libuv --------------------------------------------------------------- */

static void run(struct thread *t);

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

static void run(struct thread *t)
{
	MHD_UNSIGNED_LONG_LONG ms;
	MHD_run(t->mhd);
	if (MHD_get_timeout(t->mhd, &ms) == MHD_YES)
		uv_timer_start(&t->timeout, on_timeout, ms, 0);
	else
		uv_timer_stop(&t->timeout);
}

static void *loop(void *thread)
{
	uv_run(&((struct thread *)thread)->loop, UV_RUN_DEFAULT);
	return NULL;
}

static int shared_socket(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), yes = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
	need(bind(fd, (const struct sockaddr *)at, sizeof *at) == 0 &&
		 listen(fd, SOMAXCONN) == 0,
	    "cannot have the port");
	return fd;
}

static void start_loop(
    struct thread *t, const struct sockaddr_in *at, struct MHD_Response *r)
{
	t->mhd = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, r,
	    MHD_OPTION_LISTEN_SOCKET, shared_socket(at),
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	    MHD_OPTION_END);
	need(t->mhd != NULL, "cannot start the daemon");
	int fd =
	    MHD_get_daemon_info(t->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	uv_loop_init(&t->loop);
	uv_timer_init(&t->loop, &t->timeout);
	uv_poll_init(&t->loop, &t->poll, fd);
	t->timeout.data = t->poll.data = t;
	uv_poll_start(&t->poll, UV_READABLE, on_poll);
	need(pthread_create(&t->thread, NULL, loop, t) == 0, "no thread");
}

int main(int argc, char **argv)
{
	static struct thread threads[THREADS];
	need(argc >= 4,
	    "usage: bare pool|libuv PORT BODY_FILE [header value]...");
	struct sockaddr_in at = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)atoi(argv[2])),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct MHD_Response *r = make_response(argv[3], argv + 4);
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[1], "pool") == 0)
		start_pool(&at, r);
	else
		for (size_t i = 0; i < THREADS; i++)
			start_loop(&threads[i], &at, r);
	for (;;)
		pause();
}
