/* How long the client of a connection may take over each phase of a request,
 * and how slowly.
 *
 * Whether it reads its answer, the kernel is asked: whoever writes to the
 * socket sees only that it is full.
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
	dur_us_t age; /* when it was held: waiting for us is not its own time */
	uint64_t got; /* bytes of the body */
	uint64_t taken; /* bytes of the connection, by the last look */
	bool looked;
	/* Since then there was always more to take than it took. */
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
	dur_us_t grace; /* how long any pace will do */
};

void conn_timeout_enter(
    struct conn_timeout *p, enum conn_timeout_phase phase, mono_us_t now);
/* Bytes of a body arrived. */
void conn_timeout_got(struct conn_timeout *p, size_t n);
/* From RECEIVING to HELD. */
void conn_timeout_hold(struct conn_timeout *p, mono_us_t now);
/* Of one that is HELD: goes on where it was. */
void conn_timeout_let_go(struct conn_timeout *p, mono_us_t now);
/* A look, from time to time, at the connection with that socket: did its client
 * take too long? */
bool conn_timeout_over(struct conn_timeout *p,
    const struct conn_timeout_limits *most, int fd, mono_us_t now);
