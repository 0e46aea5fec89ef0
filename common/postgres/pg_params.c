#include "common/postgres/pg_params.h"

#include "common/base/check.h"
#include "common/base/mem.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>

struct buf *call_param(struct call *c)
{
	if (c->params == NULL) {
		size_t room = c->room ? (size_t)c->room : CALL_PARAMS;
		c->room = (int)room;
		c->params = mem_zalloc(room * sizeof *c->params);
		c->values = mem_zalloc(room * sizeof *c->values);
		c->lengths = mem_zalloc(room * sizeof *c->lengths);
		c->formats = mem_zalloc(room * sizeof *c->formats);
	}
	CHECK(c->n < c->room);
	return &c->params[c->n++];
}

void call_int4(struct call *c, int32_t v)
{
	uint32_t be = htonl((uint32_t)v);
	buf_add(call_param(c), &be, sizeof be);
}

void call_int8(struct call *c, uint64_t v)
{
	uint64_t be = htobe64(v);
	buf_add(call_param(c), &be, sizeof be);
}

void call_text(struct call *c, const char *s)
{
	buf_str(call_param(c), s);
}

struct pg_query call_query(struct call *c)
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

void call_free(struct call *c)
{
	for (int i = 0; i < c->n; i++)
		buf_free(&c->params[i]);
	free(c->params);
	free(c->values);
	free(c->lengths);
	free(c->formats);
	*c = (struct call){0};
}
