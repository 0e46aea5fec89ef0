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
#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BODY_MAX = 1 << 20 };

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
	server_need(body && f, "cannot read the body");
	size_t len = fread(body, 1, BODY_MAX, f);
	fclose(f);
	struct MHD_Response *r =
	    MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
	for (; headers[0] && headers[1]; headers += 2)
		server_need(MHD_add_response_header(
				r, headers[0], headers[1]) == MHD_YES,
		    "bad header");
	return r;
}

static void start_pool(struct sockaddr_in *at, struct MHD_Response *r)
{
	struct MHD_Daemon *mhd = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD,
	    0, NULL, NULL, answer, r, MHD_OPTION_SOCK_ADDR, at,
	    MHD_OPTION_THREAD_POOL_SIZE, (unsigned)SERVER_THREADS,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)SERVER_CONNECTION_MEMORY, MHD_OPTION_END);
	server_need(mhd != NULL, "cannot start the daemon");
}

int main(int argc, char **argv)
{
	static struct server servers[SERVER_THREADS];
	server_need(argc >= 4,
	    "usage: bare pool|libuv PORT BODY_FILE [header value]...");
	struct sockaddr_in at = server_address(argv[2]);
	struct MHD_Response *r = make_response(argv[3], argv + 4);
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(argv[1], "pool") == 0)
		start_pool(&at, r);
	else
		for (size_t i = 0; i < SERVER_THREADS; i++) {
			server_open(&servers[i], &at, answer, NULL, r);
			server_run(&servers[i]);
		}
	for (;;)
		pause();
}
