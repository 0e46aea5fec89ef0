/* Columns: what each parameter holds, element by element. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/rowset.h"

#include "common/sql/sql.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

static const struct field fields[] = {
    {.name = "text", .nullable = true},
    {.name = "whole",
	.type = FIELD_INTEGER,
	.column = COLUMN_BIGINT,
	.nullable = true},
    {.name = "part",
	.type = FIELD_NUMBER,
	.column = COLUMN_NUMERIC,
	.nullable = true},
};
static const struct collection things = {
    .name = "things", .key_name = "key", .fields = fields, .nfields = 3};

static void add(struct pg_params *call, const char *key, const char *body,
    version_t version, wall_us_t created_at, wall_us_t updated_at)
{
	const struct write w = {.key = key, .key_len = strlen(key)};
	const struct write *const writes = &w;
	const struct fold_change c = {
	    .writes = &writes,
	    .nwrites = 1,
	    .collection = &things,
	    .put = {body, strlen(body)},
	    .version = version,
	    .created_at = created_at,
	    .updated_at = updated_at,
	};
	rowset_add(call, &c);
}

static int32_t int4_at(const struct buf *b, size_t *at)
{
	uint32_t be;
	assert_true(*at + sizeof be <= b->len);
	memcpy(&be, b->data + *at, sizeof be);
	*at += sizeof be;
	return (int32_t)ntohl(be);
}

/* Behind the header of an array of that type and so many elements. */
static size_t header(const struct buf *b, Oid type, int32_t n)
{
	size_t at = 0;
	assert_int_equal(int4_at(b, &at), n ? 1 : 0);
	assert_int_equal(int4_at(b, &at), 0);
	assert_int_equal(int4_at(b, &at), type);
	if (n) {
		assert_int_equal(int4_at(b, &at), n);
		assert_int_equal(int4_at(b, &at), 1);
	}
	return at;
}

/* NULL: null. */
static void text(const struct buf *b, size_t *at, const char *want)
{
	int32_t len = int4_at(b, at);
	assert_int_equal(len, want ? (int32_t)strlen(want) : -1);
	if (want == NULL)
		return;
	assert_true(*at + (size_t)len <= b->len);
	assert_memory_equal(b->data + *at, want, (size_t)len);
	*at += (size_t)len;
}

static void int8(const struct buf *b, size_t *at, int64_t want)
{
	uint64_t be;
	assert_int_equal(int4_at(b, at), sizeof be);
	assert_true(*at + sizeof be <= b->len);
	memcpy(&be, b->data + *at, sizeof be);
	*at += sizeof be;
	assert_true((int64_t)be64toh(be) == want);
}

static void ends(const struct buf *b, size_t at)
{
	assert_int_equal(b->len, at);
}

static void texts(
    const struct pg_params *c, int param, const char *const *want, int32_t n)
{
	const struct buf *b = &c->params[param];
	size_t at = header(b, PG_TEXT, n);
	for (int32_t i = 0; i < n; i++)
		text(b, &at, want[i]);
	ends(b, at);
}

static void int8s(const struct pg_params *c, int param, Oid type,
    const int64_t *want, int32_t n)
{
	const struct buf *b = &c->params[param];
	size_t at = header(b, type, n);
	for (int32_t i = 0; i < n; i++)
		int8(b, &at, want[i]);
	ends(b, at);
}

static void columns(void **state)
{
	(void)state;
	struct pg_params c = {0};
	const int64_t y2000 = INT64_C(946684800000000);
	rowset_begin(&c, &things, 4);
	assert_int_equal(c.n, SQL_UPSERT_FIELDS + 3);
	add(&c, "a", "{\"text\":\"}\",\"whole\":-7,\"part\":1.50}", 7, 0,
	    y2000);
	add(&c, "q\"\\", "{ }", VERSION_MAX, 1, 2);
	/* Of members with one name the last one; and what is no field. */
	add(&c, "c",
	    "{\"text\":\"1\", \"_key\":\"other\",\"t\\u0065xt\" : "
	    "\"\\\"\\n\\u00e9\\ud83d\\ude00\\/\" ,\"part\":null}",
	    9, 3, 253402300799999999);
	/* As Postgres writes them in a document that a patch began with. */
	add(&c, "d", "{\"text\":\"\",\"part\":\"NaN\"}", 10, 4, 5);

	static const char *const keys[] = {"a", "q\"\\", "c", "d"};
	static const char *const text_of[] = {
	    "}", NULL, "\"\n\xc3\xa9\xf0\x9f\x98\x80/", ""};
	static const char *const whole[] = {"-7", NULL, NULL, NULL};
	static const char *const part[] = {"1.50", NULL, NULL, "NaN"};
	const int64_t versions[] = {7, (int64_t)VERSION_MAX, 9, 10};
	const int64_t created[] = {-y2000, 1 - y2000, 3 - y2000, 4 - y2000};
	const int64_t updated[] = {0, 2 - y2000, 252455615999999999, 5 - y2000};
	texts(&c, 0, keys, 4);
	int8s(&c, 1, PG_INT8, versions, 4);
	int8s(&c, 2, PG_TIMESTAMPTZ, created, 4);
	int8s(&c, 3, PG_TIMESTAMPTZ, updated, 4);
	texts(&c, 4, text_of, 4);
	texts(&c, 5, whole, 4);
	texts(&c, 6, part, 4);
	pg_params_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
