#include "common/schema/declare_priv.h"

#include "common/base/mem.h"
#include "common/base/units.h"
#include "common/json/decimal.h"
#include "common/json/jsondup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* --- what they share ----------------------------------------------------- */

bool declare_refuse(
    struct declaration *d, const char *pointer, const char *fmt, ...)
{
	va_list ap;
	if (d->faults->n == DECLARE_FAULTS)
		return false;
	struct declare_fault *fault = &d->faults->all[d->faults->n++];
	va_start(ap, fmt);
	snprintf(fault->pointer, sizeof fault->pointer, "%s", pointer);
	vsnprintf(fault->reason, sizeof fault->reason, fmt, ap);
	va_end(ap);
	return false;
}

const char *declare_string(struct declaration *d, struct jsonslice v)
{
	struct buf b = {0};
	jsonslice_text(&b, v);
	char *out = d->names + d->used;
	if (b.len)
		memcpy(out, b.data, b.len);
	out[b.len] = '\0';
	d->used += b.len + 1;
	buf_free(&b);
	return out;
}

static void declare_unknown(
    struct buf *out, struct jsonslice name, const char *const *names, size_t n)
{
	enum { SHOWN = 60 };
	buf_str(out, "unknown member ");
	buf_add(out, name.s, name.len < SHOWN ? name.len : SHOWN);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s", i ? ", " : "; allowed: ", names[i]);
}

bool declare_parts(struct declaration *d, const char *pointer,
    struct jsonslice v, const char *const *names, size_t n,
    struct jsonslice *parts)
{
	struct buf why = {0};
	if (jsonslice_kind(v) != JSONSLICE_OBJECT)
		return declare_refuse(d, pointer, "must be an object");
	struct jsonslice_member m = jsonslice_members(v);
	while (why.len == 0 && jsonslice_next(&m)) {
		size_t i = 0;
		while (i < n &&
		       !jsonslice_equals(m.name, names[i], strlen(names[i])))
			i++;
		if (i < n)
			parts[i] = m.value;
		else
			declare_unknown(&why, m.name, names, n);
	}
	bool known = why.len == 0;
	if (!known)
		declare_refuse(d, pointer, "%s", why.data);
	buf_free(&why);
	return known;
}

bool declare_name(struct declaration *d, const char *pointer, const char *name)
{
	size_t len = strlen(name);
	if (len == 0 || len > COLLECTION_NAME_MAX || *name < 'a' ||
	    *name > 'z' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len)
		return declare_refuse(d, pointer,
		    "a name begins with a lower-case letter and has lower-case "
		    "letters, digits and _, at most %d characters",
		    COLLECTION_NAME_MAX);
	return true;
}

bool declare_count(struct declaration *d, const char *pointer,
    struct jsonslice v, int64_t most, int64_t *out)
{
	if (jsonslice_kind(v) != JSONSLICE_NUMBER || !decimal_int64(v, out) ||
	    *out < 0 || *out > most)
		return declare_refuse(d, pointer,
		    "must be a whole number from 0 to %lld", (long long)most);
	return true;
}

bool declare_is_kind(struct declaration *d, const char *pointer,
    struct jsonslice v, enum jsonslice_kind kind)
{
	static const char *const wanted[] = {
	    [JSONSLICE_OBJECT] = "an object",
	    [JSONSLICE_ARRAY] = "an array",
	    [JSONSLICE_STRING] = "a string",
	    [JSONSLICE_NUMBER] = "a number",
	    [JSONSLICE_BOOL] = "true or false",
	    [JSONSLICE_NULL] = "null",
	};
	return jsonslice_kind(v) == kind ||
	       declare_refuse(d, pointer, "must be %s", wanted[kind]);
}

/* --- group --------------------------------------------------------------- */

static bool take_group(struct declaration *d, struct jsonslice v)
{
	if (!declare_is_kind(d, "/group", v, JSONSLICE_BOOL))
		return false;
	d->collection.group = v.s[0] == 't';
	return !d->collection.group || d->collection.key == KEY_STRING ||
	       declare_refuse(d, "/group",
		   "only a collection with string keys can have groups");
}

/* --- expires ------------------------------------------------------------- */

static bool declare_take_expires(struct declaration *d, struct jsonslice v)
{
	struct collection *c = &d->collection;
	if (!declare_is_kind(d, "/expires", v, JSONSLICE_STRING))
		return false;
	size_t i = collection_field(c, v);
	if (i == c->nfields || c->fields[i].column != COLUMN_TIMESTAMPTZ)
		return declare_refuse(d, "/expires",
		    "must be the name of a field with the format date-time");
	c->expires = &c->fields[i];
	return true;
}

/* --- cache --------------------------------------------------------------- */

static bool take_ttl(struct declaration *d, const char *pointer,
    struct jsonslice v, dur_us_t *out)
{
	if (!declare_is_kind(d, pointer, v, JSONSLICE_STRING))
		return false;
	if (!units_parse_duration(declare_string(d, v), out) ||
	    *out < CLOCK_MS(1) || *out > CLOCK_S(30 * 86400))
		return declare_refuse(
		    d, pointer, "must be a duration from 1ms to 30d");
	return true;
}

static bool take_on_commit(struct declaration *d, struct jsonslice v)
{
	bool string = jsonslice_kind(v) == JSONSLICE_STRING;
	d->collection.refresh = string && jsonslice_equals(v, "refresh", 7);
	return d->collection.refresh ||
	       (string && jsonslice_equals(v, "invalidate", 10)) ||
	       declare_refuse(d, "/cache/on_commit",
		   "must be \"refresh\" or \"invalidate\"");
}

static bool take_cache(struct declaration *d, struct jsonslice v)
{
	if (!declare_is_kind(d, "/cache", v, JSONSLICE_OBJECT))
		return false;
	struct collection *c = &d->collection;
	struct jsonslice_member m = jsonslice_members(v);
	bool ok = true;
	while (ok && jsonslice_next(&m)) {
		if (jsonslice_equals(m.name, "l1_ttl", 6))
			ok = take_ttl(d, "/cache/l1_ttl", m.value, &c->l1_ttl);
		else if (jsonslice_equals(m.name, "l2_ttl", 6))
			ok = take_ttl(d, "/cache/l2_ttl", m.value, &c->l2_ttl);
		else if (jsonslice_equals(m.name, "on_commit", 9))
			ok = take_on_commit(d, m.value);
		else
			ok = declare_refuse(d, "/cache",
			    "unknown member %.*s; allowed: l1_ttl, l2_ttl, "
			    "on_commit",
			    (int)m.name.len, m.name.s);
	}
	return ok;
}

/* --- the whole ----------------------------------------------------------- */

enum part {
	NAME,
	DESCRIPTION,
	KEY,
	FIELDS,
	REQUIRED,
	CACHE,
	LIST,
	ACCESS,
	OWNER,
	UNIQUE,
	REFERENCES,
	UPDATED_BY,
	GROUP,
	TABLE,
	COLUMNS,
	TIMES,
	EXPIRES,
	PARTS
};

static const char *const part_names[] = {"name", "description", "key", "fields",
    "required", "cache", "list", "access", "owner", "unique", "references",
    "updated_by", "group", "table", "columns", "times", "expires"};

static bool declare_find_parts(
    struct declaration *d, struct jsonslice root, struct jsonslice parts[PARTS])
{
	if (!declare_parts(d, "", root, part_names, PARTS, parts))
		return false;
	static const enum part needed[] = {NAME, KEY, FIELDS};
	for (size_t i = 0; i < 3; i++) {
		if (parts[needed[i]].s == NULL)
			return declare_refuse(
			    d, "", "%s is required", part_names[needed[i]]);
	}
	return true;
}

static bool declare_take_name(
    struct declaration *d, struct jsonslice v, const char *stem)
{
	if (!declare_is_kind(d, "/name", v, JSONSLICE_STRING))
		return false;
	d->collection.name = declare_string(d, v);
	if (!declare_name(d, "/name", d->collection.name))
		return false;
	return strcmp(d->collection.name, stem) == 0 ||
	       declare_refuse(d, "/name", "the file of %s is called %s.json",
		   d->collection.name, d->collection.name);
}

/* Nothing of a table that is as Sluice makes it. */
static void shape_of_table(struct buf *out, const struct collection *c)
{
	const struct table *t = &c->table;
	if (t->foreign)
		buf_printf(out, "\ntable %s.%s", t->schema, t->name);
	if (!t->times)
		buf_str(out, "\nno times");
	if (t->key && strcmp(t->key, c->key_name) != 0)
		buf_printf(out, "\nkey in %s", t->key);
	if (strcmp(t->version, "version") != 0)
		buf_printf(out, "\nversion in %s", t->version);
	if (strcmp(t->created_at, "created_at") != 0)
		buf_printf(out, "\ncreated_at in %s", t->created_at);
	if (strcmp(t->updated_at, "updated_at") != 0)
		buf_printf(out, "\nupdated_at in %s", t->updated_at);
	for (size_t i = 0; i < c->nfields; i++) {
		const struct field *f = &c->fields[i];
		if (strcmp(f->name, f->stored) != 0)
			buf_printf(out, "\n%s in %s", f->name, f->stored);
	}
}

static uint64_t shape_of(const struct collection *c)
{
	struct buf b = {0};
	buf_printf(&b, "%s %s%s", c->key_name, key_type_name(c->key),
	    c->group ? " group" : "");
	for (size_t i = 0; i < c->nparts; i++)
		buf_printf(&b, " %s", c->parts[i]->name);
	if (key_column(c) == COLUMN_INTEGER || key_column(c) == COLUMN_SMALLINT)
		buf_printf(&b, " %s", column_type_name(key_column(c)));
	shape_of_table(&b, c);
	if (c->expires)
		buf_printf(&b, "\nexpires %s", c->expires->name);
	for (size_t i = 0; i < c->nfields; i++) {
		const struct field *f = &c->fields[i];
		buf_printf(&b, "\n%s %s %s%s ", f->name,
		    field_type_name(f->type), column_type_name(f->column),
		    f->nullable ? " null" : "");
		buf_add(&b, f->otherwise.s, f->otherwise.len);
		if (f->generated != GENERATED_NOT)
			buf_str(&b, "generated");
		if (f->read_only)
			buf_str(&b, " read only");
		if (f->json_string)
			buf_str(&b, " as string");
		if (f->enum_type)
			buf_printf(&b, " %s.%s", f->enum_schema, f->enum_type);
		if (f->items)
			buf_printf(
			    &b, " of %s", column_type_name(f->items->column));
		if (f->items && f->items->enum_type)
			buf_printf(&b, " %s.%s", f->items->enum_schema,
			    f->items->enum_type);
	}
	uint64_t hash = XXH3_64bits(b.data, b.len);
	buf_free(&b);
	return hash ? hash : 1; /* in the log, 0 means: not given */
}

static bool declare_take_description(struct declaration *d, struct jsonslice v)
{
	d->collection.description = v;
	return v.s == NULL ||
	       declare_is_kind(d, "/description", v, JSONSLICE_STRING);
}

/* What does not depend on each other: all of it is looked at. */
static bool take_parts(struct declaration *d, const struct jsonslice p[PARTS])
{
	bool good = declare_table(d, p[TABLE], p[TIMES]);
	bool key = declare_key(d, p[KEY]);
	good = key && (!p[GROUP].s || take_group(d, p[GROUP])) && good;
	good = declare_take_description(d, p[DESCRIPTION]) && good;
	return declare_is_kind(d, "/fields", p[FIELDS], JSONSLICE_OBJECT) &&
	       declare_fields(d, p[FIELDS]) && good;
}

/* The same, of what is about fields; they are known. */
static bool take_rest(struct declaration *d, const struct jsonslice p[PARTS])
{
	bool good = declare_check_fields(d);
	good = (!p[EXPIRES].s || declare_take_expires(d, p[EXPIRES])) && good;
	good = (!p[CACHE].s || take_cache(d, p[CACHE])) && good;
	good = declare_list(d, p[LIST]) &&
	       declare_access(d, p[ACCESS], p[OWNER]) && good;
	return declare_constraints(d, p[UNIQUE], p[REFERENCES]) && good;
}

static bool take_whole(
    struct declaration *d, struct jsonslice root, const char *stem)
{
	struct jsonslice p[PARTS] = {{0}};
	struct collection *c = &d->collection;
	if (!declare_find_parts(d, root, p))
		return false;
	bool name = declare_take_name(d, p[NAME], stem);
	if (!take_parts(d, p) || !name ||
	    (p[UPDATED_BY].s && !declare_updated_by(d, p[UPDATED_BY])) ||
	    !declare_columns(d, p[COLUMNS]) ||
	    (p[REQUIRED].s && !declare_required(d, p[REQUIRED])) ||
	    (c->key == KEY_PARTS && !declare_key_parts(d, p[KEY])) ||
	    !take_rest(d, p))
		return false;
	c->text = root;
	c->shape = shape_of(c);
	return true;
}

/* Reports line and column, both counted from 1. */
static bool declare_not_json(struct declaration *d, struct jsonslice_fault f)
{
	size_t line = 1, column = 1;
	for (size_t i = 0; i < f.at; i++) {
		column++;
		if (d->text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return declare_refuse(
	    d, "", "line %zu, column %zu: %s", line, column, f.what);
}

static bool take_text(struct declaration *d, size_t len, const char *stem)
{
	struct jsonslice root;
	struct jsonslice_fault fault;
	if (!jsonslice_parse(d->text, len, &root, &fault))
		return declare_not_json(d, fault);
	struct jsonslice twice = jsondup_find(root);
	if (twice.s)
		return declare_not_json(
		    d, (struct jsonslice_fault){(size_t)(twice.s - d->text),
			   "a duplicate member of its object"});
	return take_whole(d, root, stem);
}

struct declaration *declare_all(const char *text, size_t len, const char *stem,
    struct declare_faults *faults)
{
	struct declaration *d = MEM_NEW(struct declaration);
	faults->n = 0;
	d->text = mem_strndup(text, len);
	/* Enough: each string has two quotes more in the text, and is kept at
	 * most twice. */
	d->names = mem_zalloc(2 * len + 64);
	d->faults = faults;
	d->collection.key_name = "key";
	d->collection.fields = d->fields;
	d->collection.columns = d->columns;
	d->collection.key_columns = d->key_columns;
	d->collection.indexes = d->indexes;
	d->collection.uniques = d->uniques;
	d->collection.references = d->references;
	bool good = take_text(d, len, stem);
	d->faults = NULL;
	if (!good)
		declaration_free(&d);
	return d;
}

struct declaration *declare(
    const char *text, size_t len, const char *stem, struct declare_fault *fault)
{
	struct declare_faults faults;
	struct declaration *d = declare_all(text, len, stem, &faults);
	*fault = (struct declare_fault){0};
	if (d == NULL)
		*fault = faults.all[0];
	return d;
}

struct collection *declaration_collection(struct declaration *d)
{
	return &d->collection;
}

void declaration_free(struct declaration **dp)
{
	struct declaration *d = *dp;
	if (d == NULL)
		return;
	for (size_t i = 0; i < COLLECTION_FIELDS; i++)
		pattern_free(&d->fields[i].pattern);
	for (size_t i = 0; i < COLLECTION_FIELDS; i++)
		pattern_free(&d->items[i].pattern);
	free(d->text);
	free(d->names);
	free(d);
	*dp = NULL;
}
