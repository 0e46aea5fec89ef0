/* The declaration of one table, from what the catalog says of it. */
#include "writer/commands/adopt_priv.h"

#include <stdio.h>
#include <string.h>

enum { X_TYPE, X_NAME, X_DEFINITION, X_COLUMNS, X_TABLE, X_OTHERS, X_SAME };

static void adopt_lost(
    const struct adopted *t, const char *column, const char *what)
{
	fprintf(stderr, "%s.%s%s%s: %s\n", t->schema, t->table,
	    column ? "." : "", column ? column : "", what);
}

static void adopt_text(struct buf *out, const char *s)
{
	buf_json(out, s, strlen(s));
}

static void adopt_columns_of(struct buf *out, const struct adopted *t)
{
	const PGresult *r = t->columns;
	struct buf all = {0};
	bool theirs = false;
	if (t->key && strcmp(t->key, t->key_name) != 0) {
		adopt_text(&all, t->key_name);
		buf_str(&all, ": ");
		adopt_text(&all, t->key);
	}
	for (int i = 0; i < PQntuples(r); i++) {
		const char *column = PQgetvalue(r, i, C_COLUMN);
		if (!adopt_is_field(r, i))
			continue;
		theirs = theirs || strcmp(column, "version") == 0;
		if (strcmp(column, PQgetvalue(r, i, C_FIELD)) == 0)
			continue;
		buf_str(&all, all.len ? ", " : "");
		adopt_text(&all, PQgetvalue(r, i, C_FIELD));
		buf_str(&all, ": ");
		adopt_text(&all, column);
	}
	if (theirs || (t->key && strcmp(t->key, "version") == 0))
		buf_printf(&all, "%s\"version\": \"sluice_version\"",
		    all.len ? ", " : "");
	if (all.len)
		buf_printf(out, "  \"columns\": {%s},\n", all.data);
	buf_free(&all);
}

static void adopt_fields(struct buf *out, const struct adopted *t)
{
	const PGresult *r = t->columns;
	const char *before = "\n    ";
	buf_str(out, "  \"fields\": {");
	for (int i = 0; i < PQntuples(r); i++) {
		if (!PQgetisnull(r, i, C_LEFT_OUT))
			fprintf(stderr, "%s.%s.%s: left out: %s\n", t->schema,
			    t->table, PQgetvalue(r, i, C_COLUMN),
			    PQgetvalue(r, i, C_LEFT_OUT));
		if (!adopt_is_field(r, i))
			continue;
		if (adopt_cell(r, i, C_LOST))
			adopt_lost(t, PQgetvalue(r, i, C_COLUMN),
			    PQgetvalue(r, i, C_LOST));
		buf_str(out, before);
		adopt_text(out, PQgetvalue(r, i, C_FIELD));
		buf_printf(out, ": %s", PQgetvalue(r, i, C_JSON));
		before = ",\n    ";
	}
	buf_str(out, "\n  }");
}

/* `"name": [the fields of which the column says so]`, unless there are none. */
static void adopt_names(struct buf *out, const struct adopted *t,
    const char *before, int column, const char *behind)
{
	const PGresult *r = t->columns;
	struct buf all = {0};
	for (int i = 0; i < PQntuples(r); i++) {
		if (!adopt_is_field(r, i) || !adopt_is(r, i, column))
			continue;
		buf_str(&all, all.len ? ", " : "");
		adopt_text(&all, PQgetvalue(r, i, C_FIELD));
	}
	if (all.len)
		buf_printf(out, "%s[%s]%s", before, all.data, behind);
	buf_free(&all);
}

/* The place of a column that is a field, or -1. */
static int adopt_field_at(
    const struct adopted *t, const char *column, size_t len)
{
	const PGresult *r = t->columns;
	for (int i = 0; i < PQntuples(r); i++) {
		const char *name = PQgetvalue(r, i, C_COLUMN);
		if (strlen(name) == len && memcmp(name, column, len) == 0)
			return adopt_is_field(r, i) ? i : -1;
	}
	return -1;
}

/* The fields of a unique constraint. False: one of its columns is none. */
static bool unique_of(
    struct buf *out, const struct adopted *t, const char *columns)
{
	struct jsonslice all;
	size_t n = 0;
	bool good = jsonslice_scan(columns, strlen(columns), &all);
	if (!good)
		return false;
	struct jsonslice_element e = jsonslice_elements(all);
	buf_char(out, '[');
	for (; good && jsonslice_each(&e); n++) {
		struct buf name = {0};
		jsonslice_text(&name, e.value);
		int i = adopt_field_at(t, name.data, name.len);
		good = i >= 0 && adopt_is(t->columns, i, C_INDEXABLE) &&
		       n < COLLECTION_UNIQUE_FIELDS;
		if (good) {
			buf_str(out, n ? ", " : "");
			adopt_text(out, PQgetvalue(t->columns, i, C_FIELD));
		}
		buf_free(&name);
	}
	buf_char(out, ']');
	return good;
}

static bool is_the_key(const struct adopted *t, const char *columns)
{
	struct buf key = {0};
	if (t->key == NULL)
		return false;
	buf_char(&key, '[');
	adopt_text(&key, t->key);
	buf_char(&key, ']');
	bool same = strcmp(key.data, columns) == 0;
	buf_free(&key);
	return same;
}

/* Its i-th column of the key; NULL past the last. */
static const char *adopt_key_column(const struct adopted *t, int i)
{
	if (t->key)
		return i == 0 ? t->key : NULL;
	return i < PQntuples(t->parts) ? PQgetvalue(t->parts, i, P_COLUMN)
				       : NULL;
}

/* Which of these columns, a JSON array, has the name; -1: none. */
static int adopt_place_of(struct jsonslice columns, const char *name)
{
	struct jsonslice_element e = jsonslice_elements(columns);
	for (int i = 0; jsonslice_each(&e); i++) {
		if (jsonslice_equals(e.value, name, strlen(name)))
			return i;
	}
	return -1;
}

/* The place of the field that is the n-th of these columns; -1: it is none, or
 * has no index. */
static int adopt_nth_field(
    const struct adopted *t, struct jsonslice columns, int n)
{
	struct jsonslice_element e = jsonslice_elements(columns);
	struct buf name = {0};
	for (int i = 0; i <= n && jsonslice_each(&e);)
		i++;
	buf_str(&name, "");
	jsonslice_text(&name, e.value);
	int at = adopt_field_at(t, name.data, name.len);
	buf_free(&name);
	return at >= 0 && adopt_is(t->columns, at, C_INDEXABLE) ? at : -1;
}

/* The fields that refer, in the order of the key of the other table. False:
 * they do not refer to all of it. */
static bool reference_fields(struct buf *out, const struct adopted *t,
    const struct adopted *to, struct jsonslice ours, struct jsonslice theirs)
{
	const char *column;
	int n = 0;
	for (; (column = adopt_key_column(to, n)) != NULL; n++) {
		int place = adopt_place_of(theirs, column);
		int at = place < 0 ? -1 : adopt_nth_field(t, ours, place);
		if (at < 0)
			return false;
		buf_str(out, n ? ", " : "");
		adopt_text(out, PQgetvalue(t->columns, at, C_FIELD));
	}
	struct jsonslice_element e = jsonslice_elements(theirs);
	while (jsonslice_each(&e))
		n--;
	return n == 0;
}

struct constraints {
	struct buf unique;
	/* The same references as an object, and as an array. */
	struct buf references, several;
	bool any_several;
	size_t nunique;
};

/* The same fields cannot refer to two collections. */
static bool refers_already(const struct constraints *c, const char *fields)
{
	struct buf all = {0};
	buf_printf(&all, "[%s]", fields);
	bool found = c->several.len && strstr(c->several.data, all.data);
	buf_free(&all);
	return found;
}

static bool reference_of(struct constraints *c, const struct adopting *a,
    const struct adopted *t, const PGresult *r, int row)
{
	struct jsonslice ours, theirs;
	const char *columns = PQgetvalue(r, row, X_COLUMNS);
	const char *others = PQgetvalue(r, row, X_OTHERS);
	const struct adopted *to = NULL;
	struct buf fields = {0};
	for (size_t k = 0; k < a->n && to == NULL; k++) {
		if (a->all[k].good &&
		    strcmp(a->all[k].oid, PQgetvalue(r, row, X_TABLE)) == 0)
			to = &a->all[k];
	}
	bool good = to && adopt_is(r, row, X_SAME) &&
		    jsonslice_scan(columns, strlen(columns), &ours) &&
		    jsonslice_scan(others, strlen(others), &theirs) &&
		    reference_fields(&fields, t, to, ours, theirs) &&
		    !refers_already(c, fields.data);
	if (good) {
		bool first = c->references.len == 0;
		buf_printf(&c->references, "%s%s: \"%s\"", first ? "" : ", ",
		    fields.data, to->name);
		buf_printf(&c->several,
		    "%s{\"fields\": [%s], \"collection\": \"%s\"}",
		    first ? "" : ", ", fields.data, to->name);
		c->any_several = c->any_several || to->parts;
	}
	buf_free(&fields);
	return good;
}

/* Did a field take the check over? */
static bool is_taken_over(const struct adopted *t, const char *name)
{
	struct buf quoted = {0};
	bool found = false;
	adopt_text(&quoted, name);
	for (int i = 0; !found && i < PQntuples(t->columns); i++)
		found = adopt_is_field(t->columns, i) &&
			strstr(PQgetvalue(t->columns, i, C_CHECKS),
			    quoted.data) != NULL;
	buf_free(&quoted);
	return found;
}

#define ACTION " ON DELETE "
#define RESTRICTS " ON DELETE RESTRICT"

/* The writer deletes the one row, and Postgres changes the others. */
static void tell_action(const struct adopted *t, const PGresult *r, int row)
{
	struct buf what = {0};
	buf_printf(&what,
	    "if Sluice deletes what %s refers to, Postgres changes rows here, "
	    "and the caches have them as before until their entries end",
	    PQgetvalue(r, row, X_NAME));
	adopt_lost(t, NULL, what.data);
	buf_free(&what);
}

static void take_constraint(struct constraints *c, const struct adopting *a,
    const struct adopted *t, const PGresult *r, int row)
{
	struct buf one = {0}, why = {0};
	char type = *PQgetvalue(r, row, X_TYPE);
	const char *columns = PQgetvalue(r, row, X_COLUMNS);
	bool unique = false, refers = false;
	if (type == 'u' && c->nunique < COLLECTION_UNIQUES)
		unique = unique_of(&one, t, columns);
	else if (type == 'f')
		refers = reference_of(c, a, t, r, row);
	/* Postgres may have the same one twice. */
	bool twice =
	    unique && c->unique.len && strstr(c->unique.data, one.data);
	c->nunique += unique && !twice;
	if (unique && !twice)
		buf_printf(
		    &c->unique, "%s%s", c->unique.len ? ", " : "", one.data);
	else if (!unique && !refers &&
		 !(type == 'u' && is_the_key(t, columns)) &&
		 !(type == 'c' && is_taken_over(t, PQgetvalue(r, row, X_NAME))))
		buf_printf(&why, "not declared, only Postgres checks it: %s %s",
		    PQgetvalue(r, row, X_NAME),
		    PQgetvalue(r, row, X_DEFINITION));
	if (why.len)
		adopt_lost(t, NULL, why.data);
	if (type == 'f' && strstr(PQgetvalue(r, row, X_DEFINITION), ACTION) &&
	    strstr(PQgetvalue(r, row, X_DEFINITION), RESTRICTS) == NULL)
		tell_action(t, r, row);
	buf_free(&one);
	buf_free(&why);
}

static struct err adopt_write_constraints(
    struct buf *out, struct adopting *a, const struct adopted *t)
{
	PGresult *r;
	struct constraints c = {0};
	struct err e = adopt_ask(a, &adopt_constraints, t->oid, NULL, &r);
	if (e.kind != ERR_KIND_OK)
		return e;
	for (int i = 0; i < PQntuples(r); i++)
		take_constraint(&c, a, t, r, i);
	if (c.unique.len)
		buf_printf(out, ",\n  \"unique\": [%s]", c.unique.data);
	if (c.any_several)
		buf_printf(out, ",\n  \"references\": [%s]", c.several.data);
	else if (c.references.len)
		buf_printf(out, ",\n  \"references\": {%s}", c.references.data);
	buf_free(&c.unique);
	buf_free(&c.several);
	buf_free(&c.references);
	PQclear(r);
	return ERR_OK;
}

/* One column, or the fields of several. */
static void adopt_write_key(struct buf *out, const struct adopted *t)
{
	if (t->key) {
		buf_printf(out, "  \"key\": {%s, \"name\": \"%s\"},\n",
		    adopt_key_of(t->key_type), t->key_name);
		return;
	}
	for (int i = 0; i < PQntuples(t->parts); i++) {
		const char *column = PQgetvalue(t->parts, i, P_COLUMN);
		int at = adopt_field_at(t, column, strlen(column));
		buf_str(out, i ? ", " : "  \"key\": [");
		adopt_text(out, PQgetvalue(t->columns, at, C_FIELD));
	}
	buf_str(out, "],\n");
}

struct err adopt_declaration(
    struct buf *out, struct adopting *a, const struct adopted *t)
{
	struct buf table = {0};
	buf_printf(out, "{\n  \"name\": \"%s\",\n", t->name);
	if (t->description) {
		buf_str(out, "  \"description\": ");
		adopt_text(out, t->description);
		buf_str(out, ",\n");
	}
	buf_printf(&table, "%s.%s", t->schema, t->table);
	buf_str(out, "  \"table\": ");
	buf_json(out, table.data, table.len);
	buf_str(out, ",\n  \"times\": false,\n");
	adopt_write_key(out, t);
	buf_free(&table);
	adopt_columns_of(out, t);
	adopt_fields(out, t);
	adopt_names(out, t, ",\n  \"required\": ", C_REQUIRED, "");
	struct err e = adopt_write_constraints(out, a, t);
	adopt_names(out, t, ",\n  \"list\": {\"filter\": ", C_LISTED, ", ");
	adopt_names(out, t, "\"order\": ", C_LISTED, "}");
	buf_str(out, "\n}\n");
	return e;
}
