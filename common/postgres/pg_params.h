/* One statement with its parameters, all in binary. */
#pragma once

#include "common/base/buf.h"
#include "common/postgres/pg.h"
#include "common/postgres/pg_binary.h"

#include <stdint.h>

enum { PG_PARAMS_PARAMS = 9 };

/* Begins as {.sql = …}. If it has more than PG_PARAMS_PARAMS parameters, it
 * begins with room for them. */
struct pg_params {
	const char *sql;
	struct pg_shape shape; /* as in pg_query */
	int room;
	bool tried; /* as in pg_query */
	int n;
	struct buf *params;
	const char **values;
	int *lengths;
	int *formats;
};

/* The next parameter. */
void pg_params_int4(struct pg_params *c, int32_t v);
void pg_params_int8(struct pg_params *c, uint64_t v);
void pg_params_text(struct pg_params *c, const char *s);
/* A parameter that the caller fills, such as an array; it does not move. */
struct buf *pg_params_param(struct pg_params *c);

/* Borrows the call, which must not move. */
struct pg_query pg_params_query(struct pg_params *c);
void pg_params_free(struct pg_params *c);
