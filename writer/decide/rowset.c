/* Fields are sent as text, with the escapes of JSON resolved. The statement
 * casts each to its column's type. write.c has checked that the values have the
 * types of their fields. Members that are not fields do not get this far.
 */
#include "writer/decide/rowset.h"

#include "writer/decide/document.h"

#include "common/base/check.h"
#include "common/json/decimal.h"
#include "common/sql/sql.h"

#include <inttypes.h>
#include <stdio.h>

enum { KEY, VERSION, CREATED_AT, UPDATED_AT };

_Static_assert((int)UPDATED_AT + 1 == (int)SQL_UPSERT_FIELDS, "its order");

void rowset_begin(struct pg_params *call, const struct collection *c, size_t n)
{
	static const Oid types[SQL_UPSERT_FIELDS] = {[KEY] = PG_TEXT,
	    [VERSION] = PG_INT8,
	    [CREATED_AT] = PG_TIMESTAMPTZ,
	    [UPDATED_AT] = PG_TIMESTAMPTZ};
	CHECK(call->n == 0);
	call->room = SQL_UPSERT_FIELDS + (int)c->nfields;
	for (size_t i = 0; i < SQL_UPSERT_FIELDS; i++)
		pg_array_begin(pg_params_param(call), types[i], n);
	for (size_t i = 0; i < c->nfields; i++)
		pg_array_begin(pg_params_param(call), PG_TEXT, n);
}

static void rowset_add_value(
    struct buf *array, const struct field *f, struct jsonslice v)
{
	int64_t n;
	char text[24];
	if (v.s == NULL) {
		pg_array_null(array);
	} else if (jsonslice_kind(v) == JSONSLICE_STRING) {
		size_t open = pg_array_open(array);
		jsonslice_text(array, v);
		pg_array_close(array, open);
	} else if (f->type == FIELD_INTEGER && decimal_int64(v, &n)) {
		/* 7.0 is one, too, but not to bigint. */
		int len = snprintf(text, sizeof text, "%" PRId64, n);
		pg_array_text(array, text, (size_t)len);
	} else {
		pg_array_text(array, v.s, v.len);
	}
}

static void rowset_add_by(struct buf *array, struct record_text by)
{
	if (by.s == NULL)
		pg_array_null(array);
	else
		pg_array_text(array, by.s, by.len);
}

void rowset_add(struct pg_params *call, const struct fold_change *c)
{
	const struct write *w = c->writes[0];
	struct document d;
	pg_array_text(&call->params[KEY], w->key, w->key_len);
	pg_array_int8(&call->params[VERSION], (int64_t)c->version);
	pg_array_time(&call->params[CREATED_AT], c->created_at);
	pg_array_time(&call->params[UPDATED_AT], c->updated_at);
	document_read(c->collection, c->put, &d);
	for (size_t i = 0; i < c->collection->nfields; i++) {
		const struct field *f = &c->collection->fields[i];
		struct buf *array = &call->params[SQL_UPSERT_FIELDS + i];
		if (f == c->collection->updated_by)
			rowset_add_by(array, c->by);
		else
			rowset_add_value(array, f, d.values[i]);
	}
}
