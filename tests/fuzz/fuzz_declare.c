/* The declaration of a collection: whatever is taken makes SQL and schemas, and
 * is taken again as the same. */
#include "tests/fuzz/fuzz.h"

#include "api/openapi/json_schema.h"
#include "common/schema/declare.h"
#include "common/sql/sql.h"
#include "common/sql/sql_relation.h"
#include "common/sql/sql_table.h"

static const char *stem(char out[COLLECTION_NAME_MAX + 1], struct fuzz in)
{
	static const char member[] = "\"name\":\"";
	const char *at = in.len ? memmem(in.s, in.len, member, 8) : NULL;
	size_t n = 0;
	for (at = at ? at + 8 : NULL;
	     at && at < in.s + in.len && *at != '"' && n < COLLECTION_NAME_MAX;
	     at++)
		out[n++] = *at;
	out[n] = '\0';
	return out;
}

static void schemas(const struct collection *c)
{
	for (int of = 0; of < JSON_SCHEMA_KINDS; of++) {
		struct buf text = {0};
		struct jsonout j = {.out = &text};
		struct jsonslice v;
		if (json_schema_exists(c, (enum json_schema_of)of)) {
			json_schema_write(&j, NULL, c, (enum json_schema_of)of);
			CHECK(jsonslice_scan(text.data, text.len, &v));
		}
		buf_free(&text);
	}
}

static void tables(const struct collection *c)
{
	static const struct selection all;
	struct buf sql = {0};
	size_t n;
	sql_table_body(&sql, c);
	sql_table_checks_free(sql_table_checks(c, &n), n);
	sql_relation_free(sql_relation_all(c, &n), n);
	sql_read_within(&sql, c);
	sql_export(&sql, c, &all, "");
	sql_upsert(&sql, c);
	sql_delete(&sql, c);
	sql_current(&sql, c);
	CHECK(memchr(sql.data, '\0', sql.len) == NULL);
	buf_free(&sql);
}

int FUZZ_ONE(const uint8_t *data, size_t size)
{
	struct fuzz in = fuzz_of(data, size);
	struct declare_fault fault;
	char name[COLLECTION_NAME_MAX + 1];
	stem(name, in);
	struct declaration *d = declare(in.s, in.len, name, &fault);
	if (d == NULL) {
		CHECK(fault.reason[0]);
		return 0;
	}
	const struct collection *c = declaration_collection(d);
	struct declaration *again =
	    declare(c->text.s, c->text.len, name, &fault);
	CHECK(again && declaration_collection(again)->shape == c->shape);
	schemas(c);
	tables(c);
	declaration_free(&d);
	declaration_free(&again);
	return 0;
}
