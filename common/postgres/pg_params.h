/* One statement with its parameters, all in binary. */
#pragma once

#include "common/base/buf.h"
#include "common/postgres/pg.h"
#include "common/postgres/pg_binary.h"

#include <stdint.h>

enum { CALL_PARAMS = 9 };

/* Begins as {.sql = …}; if it takes more than CALL_PARAMS parameters, with room
 * for them. */
struct call {
	const char *sql;
	struct pgshape shape; /* as in pg_query */
	int room;
	bool tried; /* as in pg_query */
	int n;
	struct buf *params;
	const char **values;
	int *lengths;
	int *formats;
};

/* The next parameter. */
void call_int4(struct call *c, int32_t v);
void call_int8(struct call *c, uint64_t v);
void call_text(struct call *c, const char *s);
/* To be filled by the caller, an array for one; stays where it is. */
struct buf *call_param(struct call *c);

/* Borrows the call, which must not move. */
struct pg_query call_query(struct call *c);
void call_free(struct call *c);
