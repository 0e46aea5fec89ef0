#include "common/sql/sql_key.h"

#include "common/sql/sql.h"

/* A column of row t. */
static void of_row(struct buf *out, const char *column)
{
	buf_str(out, "t.");
	sql_ident(out, column);
}

/* As the index has it. */
static void ordered(
    struct buf *out, const char *prefix, const struct list_column *l)
{
	sql_list_column(out, prefix, l);
	buf_str(out, column_is_text(l->column) ? " COLLATE \"C\"" : "");
}

void sql_key_columns(struct buf *out, const struct collection *c,
    const char *prefix, const char *way)
{
	for (size_t i = 0; i < c->nkey_columns; i++) {
		buf_str(out, i ? ", " : "");
		ordered(out, prefix, &c->key_columns[i]);
		buf_str(out, way);
	}
}

void sql_key_names(struct buf *out, const struct collection *c)
{
	for (size_t i = 0; i < c->nkey_columns; i++) {
		buf_str(out, i ? ", " : "");
		sql_ident(out, c->key_columns[i].stored);
	}
}

/* May a part have characters that the text of a key encodes? */
static bool is_encoded(enum column_type column)
{
	return column_is_text(column) || column == COLUMN_ENUM;
}

/* A part of the key as its text has it, which is that of a document. */
static void key_part(struct buf *out, const struct field *f)
{
	bool text = is_encoded(f->column);
	bool time =
	    f->column == COLUMN_TIMESTAMPTZ || f->column == COLUMN_TIMESTAMP;
	buf_str(out, text ? "replace(replace(" : time ? "(to_json(" : "");
	of_row(out, f->stored);
	if (text)
		buf_str(out, "::text, '%', '%25'), ',', '%2C')");
	else if (time)
		buf_str(out, ") #>> '{}')");
	else if (f->column == COLUMN_DATE)
		buf_str(out, "::date::text");
	else
		buf_str(out, "::text");
}

void sql_key(struct buf *out, const struct collection *c)
{
	for (size_t i = 0; i < c->nparts; i++) {
		buf_str(out, i ? " || ',' || " : "(");
		key_part(out, c->parts[i]);
	}
	if (c->nparts) {
		buf_char(out, ')');
		return;
	}
	of_row(out, c->table.key);
	buf_str(out, c->key == KEY_STRING ? "" : "::text");
}

/* A text as a key of the table. An integer is compared as one of 64 bits, also
 * with a column of fewer. */
static void cast_key(struct buf *out, const struct collection *c)
{
	if (c->key != KEY_STRING)
		buf_printf(out, "::%s",
		    c->key == KEY_INTEGER ? "bigint"
					  : column_type_name(key_column(c)));
}

static void decoded_part(struct buf *out, const char *text, size_t n)
{
	buf_printf(out,
	    "replace(replace(split_part(%s, ',', %zu), '%%2C', ','), "
	    "'%%25', '%%')",
	    text, n);
}

/* Null if the type does not have the value (any more). A cast would be an error
 * of the whole statement. */
static void enum_value(
    struct buf *out, const struct field *f, const char *text, size_t n)
{
	buf_str(out, "(SELECT e FROM unnest(enum_range(NULL::");
	sql_type(out, f);
	buf_str(out, ")) AS e WHERE e::text = ");
	decoded_part(out, text, n);
	buf_char(out, ')');
}

void sql_key_value(
    struct buf *out, const struct collection *c, size_t i, const char *text)
{
	if (c->nparts == 0) {
		buf_str(out, text);
		cast_key(out, c);
		return;
	}
	const struct field *f = c->parts[i];
	if (f->column == COLUMN_ENUM)
		enum_value(out, f, text, i + 1);
	else if (column_is_text(f->column))
		decoded_part(out, text, i + 1);
	else
		buf_printf(out, "split_part(%s, ',', %zu)", text, i + 1);
	if (column_is_integer(f->column))
		buf_str(out, "::bigint");
	else if (f->column != COLUMN_TEXT && f->column != COLUMN_ENUM)
		buf_printf(out, "::%s", column_type_name(f->column));
}

void sql_is_key(struct buf *out, const struct collection *c)
{
	for (size_t i = 0; i < c->nkey_columns; i++) {
		buf_str(out, i ? " AND " : "");
		of_row(out, c->key_columns[i].stored);
		buf_str(out, " = ");
		sql_key_value(out, c, i, "k.\"key\"");
	}
}
