/* A keep-alive HTTP/1.1 connection of the load generator (load.c): one request
 * at a time, driven by an epoll loop that all share. What the server must not
 * do (close, chunk, send a long answer) ends the program with a line.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>
#include <stddef.h>

enum { CLIENT_ANSWER_MAX = 8192 };

struct client;

/* `body` is NUL-terminated and gone after the call, which may send again. */
typedef void (*client_answered)(struct client *c, int status, const char *body);

struct client {
	int fd, epoll;
	bool busy; /* a request has no answer yet */
	client_answered answered;
	void *arg;	 /* of the owner */
	mono_us_t since; /* of the owner: what a latency counts from */
	size_t n;
	char answer[CLIENT_ANSWER_MAX + 1];
};

/* Returns owned; connected to 127.0.0.1. */
struct client *client_new(
    int epoll, int port, client_answered answered, void *arg);
/* Sends a whole request; it must not be busy. */
void client_send(struct client *c, const char *request, size_t len);
/* Call it when the socket is readable (epoll's data.ptr is the client). */
void client_read(struct client *c);
void client_free(struct client **c);
