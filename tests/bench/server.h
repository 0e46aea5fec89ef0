/* The frame of the servers that Sluice is measured against: a libuv loop that
 * drives a libmicrohttpd daemon in external-epoll mode on a shared port, as
 * each request thread of Sluice has it.
 */
#pragma once

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

enum {
	SERVER_THREADS = 2,
	/* As in common/http/httpd.c: libmicrohttpd clears it for every request.
	 */
	SERVER_CONNECTION_MEMORY = 24 * 1024,
};

/* One of the loops. */
struct server {
	pthread_t thread;
	uv_loop_t loop;
	uv_poll_t poll;
	uv_timer_t timeout;
	uv_check_t check;
	struct MHD_Daemon *mhd;
	bool resumed; /* set it after MHD_resume_connection */
};

/* Ends the program with a line unless `ok`. */
void server_need(int ok, const char *what);

/* 127.0.0.1 and a port in decimal. */
struct sockaddr_in server_address(const char *port);

/* Opens the daemon and the loop, which does not run yet. `completed` may be
 * NULL; it and `handler` get `arg`. */
void server_open(struct server *s, const struct sockaddr_in *at,
    MHD_AccessHandlerCallback handler, MHD_RequestCompletedCallback completed,
    void *arg);

/* Runs the loop in a thread of its own, for ever. */
void server_run(struct server *s);
