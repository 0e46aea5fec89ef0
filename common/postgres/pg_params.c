#include "common/postgres/pg_params.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>

struct buf *pg_params_param(struct pg_params *c)
{
	if (c->params == NULL) {
		size_t room = c->room ? (size_t)c->room : PG_PARAMS_PARAMS;
		c->room = (int)room;
		c->params = mem_zalloc(room * sizeof *c->params);
		c->values = mem_zalloc(room * sizeof *c->values);
		c->lengths = mem_zalloc(room * sizeof *c->lengths);
		c->formats = mem_zalloc(room * sizeof *c->formats);
	}
	CHECK(c->n < c->room);
	return &c->params[c->n++];
}

void pg_params_int4(struct pg_params *c, int32_t v)
{
	uint32_t be = htonl((uint32_t)v);
	buf_add(pg_params_param(c), &be, sizeof be);
}

void pg_params_int8(struct pg_params *c, uint64_t v)
{
	uint64_t be = htobe64(v);
	buf_add(pg_params_param(c), &be, sizeof be);
}

void pg_params_text(struct pg_params *c, const char *s)
{
	buf_str(pg_params_param(c), s);
}

struct pg_query pg_params_query(struct pg_params *c)
{
	for (int i = 0; i < c->n; i++) {
		CHECK(c->params[i].len <= INT32_MAX);
		c->values[i] = c->params[i].data ? c->params[i].data : "";
		c->lengths[i] = (int)c->params[i].len;
		c->formats[i] = 1;
	}
	return (struct pg_query){
	    .sql = c->sql,
	    .nparams = c->n,
	    .values = c->values,
	    .lengths = c->lengths,
	    .formats = c->formats,
	    .result_format = 1,
	    .shape = c->shape,
	    .tried = c->tried,
	};
}

void pg_params_free(struct pg_params *c)
{
	for (int i = 0; i < c->n; i++)
		buf_free(&c->params[i]);
	free(c->params);
	free(c->values);
	free(c->lengths);
	free(c->formats);
	*c = (struct pg_params){0};
}
