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

enum pace_phase {
	PACE_NEW,  /* there was no request yet */
	PACE_IDLE, /* there is none now */
	PACE_RECEIVING,
	PACE_HELD, /* suspended in the middle of its body */
	PACE_ANSWERING,
	PACE_STREAMING, /* an answer whose maker notices a client that stops */
};

struct pace {
	enum pace_phase phase;
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

struct pace_limits {
	dur_us_t first; /* of a new connection, to its first request */
	dur_us_t idle, receive;
	dur_us_t send; /* nothing of an answer is taken, though it is there */
	/* Bytes a second, over the whole body or answer; 0: any. */
	int64_t min_receive, min_send;
	dur_us_t grace; /* how long any pace will do */
};

void pace_enter(struct pace *p, enum pace_phase phase, mono_us_t now);
/* Bytes of a body arrived. */
void pace_got(struct pace *p, size_t n);
/* From RECEIVING to HELD. */
void pace_hold(struct pace *p, mono_us_t now);
/* Of one that is HELD: goes on where it was. */
void pace_let_go(struct pace *p, mono_us_t now);
/* A look, from time to time, at the connection with that socket: did its client
 * take too long? */
bool pace_over(
    struct pace *p, const struct pace_limits *most, int fd, mono_us_t now);
