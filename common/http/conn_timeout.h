/* How long, and how slowly, the client of a connection may send or read in each
 * phase of a request.
 *
 * The kernel is asked whether the client reads its answer: a write to the
 * socket shows only that the socket is full.
 */
#pragma once

#include "common/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conn_timeout_phase {
	CONN_TIMEOUT_NEW,  /* there was no request yet */
	CONN_TIMEOUT_IDLE, /* there is none now */
	CONN_TIMEOUT_RECEIVING,
	CONN_TIMEOUT_HELD, /* suspended in the middle of its body */
	CONN_TIMEOUT_ANSWERING,
	CONN_TIMEOUT_STREAMING, /* an answer whose maker notices a client that
				   stops */
};

struct conn_timeout {
	enum conn_timeout_phase phase;
	mono_us_t since;
	dur_us_t age; /* when it was held; the time of our own waiting does not
			 count */
	uint64_t got; /* bytes of the body */
	uint64_t taken; /* bytes of the connection, by the last look */
	bool looked;
	/* Since then there was always something left to read. */
	mono_us_t behind_since;
	uint64_t behind_from; /* `taken` at that time */
	size_t memory;	      /* that its request takes */
};

struct conn_timeout_limits {
	dur_us_t first; /* of a new connection, to its first request */
	dur_us_t idle, receive;
	dur_us_t send; /* nothing of an answer is taken, though it is there */
	/* Bytes a second, over the whole body or answer; 0: any. */
	int64_t min_receive, min_send;
	dur_us_t grace; /* for so long, any pace is allowed */
};

void conn_timeout_enter(
    struct conn_timeout *p, enum conn_timeout_phase phase, mono_us_t now);
/* Bytes of a body arrived. */
void conn_timeout_got(struct conn_timeout *p, size_t n);
/* From RECEIVING to HELD. */
void conn_timeout_hold(struct conn_timeout *p, mono_us_t now);
/* Ends HELD: the former phase continues. */
void conn_timeout_let_go(struct conn_timeout *p, mono_us_t now);
/* Call it from time to time. Did the client of the connection with this socket
 * take too long? */
bool conn_timeout_over(struct conn_timeout *p,
    const struct conn_timeout_limits *most, int fd, mono_us_t now);
