#include "common/postgres/pg_binary.h"

#include "common/base/check.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

static void put32(struct buf *b, int32_t v)
{
	uint32_t be = htonl((uint32_t)v);
	buf_add(b, &be, sizeof be);
}

void pg_array_begin(struct buf *b, Oid element, size_t n)
{
	put32(b, n ? 1 : 0); /* dimensions */
	put32(b, 0);	     /* nulls: Postgres ignores this flag */
	put32(b, (int32_t)element);
	if (n == 0)
		return;
	put32(b, (int32_t)n);
	put32(b, 1); /* lower bound */
}

void pg_array_text(struct buf *b, const char *s, size_t len)
{
	put32(b, (int32_t)len);
	buf_add(b, s, len);
}

void pg_array_null(struct buf *b)
{
	put32(b, -1);
}

size_t pg_array_open(struct buf *b)
{
	put32(b, 0);
	return b->len;
}

void pg_array_close(struct buf *b, size_t open)
{
	size_t len = b->len - open;
	CHECK(len <= INT32_MAX);
	uint32_t be = htonl((uint32_t)len);
	memcpy(b->data + open - sizeof be, &be, sizeof be);
}

/* Postgres counts from the year 2000. */
void pg_array_time(struct buf *b, wall_us_t t)
{
	pg_array_int8(b, t - CLOCK_S(946684800));
}

void pg_array_int4(struct buf *b, int32_t v)
{
	put32(b, 4);
	put32(b, v);
}

void pg_array_int8(struct buf *b, int64_t v)
{
	uint64_t be = htobe64((uint64_t)v);
	put32(b, 8);
	buf_add(b, &be, sizeof be);
}

int64_t pg_int8(const PGresult *r, int row, int column)
{
	uint64_t be;
	CHECK(PQgetlength(r, row, column) == sizeof be);
	memcpy(&be, PQgetvalue(r, row, column), sizeof be);
	return (int64_t)be64toh(be);
}

int32_t pg_int4(const PGresult *r, int row, int column)
{
	uint32_t be;
	CHECK(PQgetlength(r, row, column) == sizeof be);
	memcpy(&be, PQgetvalue(r, row, column), sizeof be);
	return (int32_t)ntohl(be);
}
