/* What the modules of the requests about rejections share. */
#pragma once

#include "common/postgres/pg_statement.h"
#include "writer/rejections/rejections.h"

#include "common/kafka/producer.h"

struct rejections {
	struct context *x;
	struct producer *producer; /* NULL until something is requeued */
};

/* One request, until it is answered. */
struct task {
	struct rejections *r;
	struct admin_exchange *x;
	struct position at;
	char successor[POSITION_MAX_LEN];
	unsigned status; /* of a failure; answered when the claim is released */
	char why[256];
};

struct task *task_new(
    struct rejections *r, struct position at, struct admin_exchange *x);
/* Answers, and frees the task. */
void task_fail(struct task *t, unsigned status, const char *why);
/* Takes the call's parameters; `done` gets the task. */
void task_submit(struct task *t, struct pg_params *c, pg_done done);
/* $1 partition, $2 version */
struct pg_params task_call(const struct pg_statement *s, struct position at);
