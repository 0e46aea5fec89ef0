/* A database in memory, which takes the statements of the writer's plan and
 * lookup as Postgres does: it reads their parameters, and answers with results
 * of libpq. Two collections of one shape: tests/unit/writer/things.json and
 * others.json. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/json/decimal.h"
#include "common/postgres/pg_params.h"
#include "common/sql/bookkeeping.h"
#include "common/sql/sql.h"
#include "writer/core/statements.h"

#include <arpa/inet.h>
#include <endian.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MEMORY_FIELDS = 7,
	MEMORY_ROWS = 64,
	MEMORY_PARTITIONS = 3,
	MEMORY_COLLECTIONS = 2
};
static const char *const memory_names[MEMORY_COLLECTIONS] = {
    "things", "others"};
/* 2000-01-01, where Postgres begins to count microseconds. */
#define MEMORY_2000 946684800000000
enum { FIELD_N, FIELD_AT, FIELD_X, FIELD_S, FIELD_E, FIELD_O, FIELD_T };

struct memory_row {
	size_t of; /* its collection */
	char key[40];
	int64_t version, created_at, updated_at;
	char *fields[MEMORY_FIELDS]; /* owned; NULL: null */
};

struct memory_key {
	char key[16], outcome[32], row_key[40];
	int64_t fingerprint, version;
	int32_t partition;
};

struct memory {
	const struct statements_of *of[MEMORY_COLLECTIONS];
	size_t at; /* the collection that a statement, or the test, is about */
	int64_t next[MEMORY_PARTITIONS]; /* the watermarks */
	struct memory_row rows[MEMORY_ROWS];
	size_t nrows;
	struct memory_key keys[MEMORY_ROWS];
	size_t nkeys;
	/* Rejections, replays, producers: a line each. */
	char *lines[512];
	size_t nlines;
};

/* --- parameters ---------------------------------------------------------- */

struct memory_array {
	const char *at;
	int32_t n;
};

static inline int32_t memory_int4(const char *s)
{
	uint32_t be;
	memcpy(&be, s, sizeof be);
	return (int32_t)ntohl(be);
}

static inline int64_t memory_int8(const char *s)
{
	uint64_t be;
	memcpy(&be, s, sizeof be);
	return (int64_t)be64toh(be);
}

static inline struct memory_array memory_array(
    const struct pg_query *q, int param)
{
	const char *s = q->values[param];
	bool any = memory_int4(s) == 1;
	return (struct memory_array){s + 20, any ? memory_int4(s + 12) : 0};
}

/* False: there is none. A null has the length -1. */
static inline bool memory_next(
    struct memory_array *a, const char **s, int32_t *len)
{
	if (a->n-- <= 0)
		return false;
	*len = memory_int4(a->at);
	*s = a->at + 4;
	a->at += 4 + (*len > 0 ? *len : 0);
	return true;
}

static inline int64_t memory_number(struct memory_array *a)
{
	const char *s = NULL;
	int32_t len = 0;
	assert_true(memory_next(a, &s, &len));
	return len == 4 ? memory_int4(s) : memory_int8(s);
}

/* Until the fourth next call. */
static inline const char *memory_text(struct memory_array *a)
{
	static char texts[4][4096];
	static unsigned turn;
	const char *s = NULL;
	int32_t len = 0;
	char *out = texts[turn++ % 4];
	assert_true(memory_next(a, &s, &len));
	assert_in_range(len, 0, 4095);
	memcpy(out, s, (size_t)len);
	out[len] = '\0';
	return out;
}

/* --- rows ---------------------------------------------------------------- */

static inline struct memory_row *memory_find(struct memory *m, const char *key)
{
	for (size_t i = 0; i < m->nrows; i++) {
		if (m->rows[i].of == m->at && strcmp(m->rows[i].key, key) == 0)
			return &m->rows[i];
	}
	return NULL;
}

static inline void memory_forget(struct memory_row *r)
{
	for (size_t i = 0; i < MEMORY_FIELDS; i++)
		free(r->fields[i]);
}

/* As the column renders it. */
static inline char *memory_value(int field, const char *s, int32_t len)
{
	if (len < 0)
		return NULL;
	struct jsonslice v = {s, (size_t)len};
	if (field == FIELD_AT) {
		int64_t us;
		struct buf b = {0};
		assert_true(format_date_time(s, v.len, &us));
		buf_printf(&b, "%lld", (long long)(us - MEMORY_2000));
		return buf_take(&b, NULL);
	}
	if (field == FIELD_X) {
		struct buf b = {0};
		assert_true(
		    decimal_add(&b, v, (struct jsonslice){"0", 1}, 1000));
		return buf_take(&b, NULL);
	}
	if (field == FIELD_O) {
		json_t *object = json_loadb(s, v.len, 0, NULL);
		char *out = json_dumps(object, JSON_SORT_KEYS);
		json_decref(object);
		return out;
	}
	return mem_strndup(s, v.len);
}

static inline size_t memory_length(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

/* The constraint that it breaks, or NULL. */
static inline const char *memory_breaks(char *const *f)
{
	if (f[FIELD_E] && strcmp(f[FIELD_E], "a") && strcmp(f[FIELD_E], "b"))
		return "things_e_enum";
	if (atoll(f[FIELD_N]) > 10)
		return "things_n_maximum";
	if (atoll(f[FIELD_N]) < 0)
		return "things_n_minimum";
	if (memory_length(f[FIELD_S]) > 6)
		return "things_s_max_length";
	if (memory_length(f[FIELD_S]) < 1)
		return "things_s_min_length";
	if (f[FIELD_X] && strtod(f[FIELD_X], NULL) <= -5)
		return "things_x_exclusive_minimum";
	if (f[FIELD_X] && strtod(f[FIELD_X], NULL) > 100)
		return "things_x_maximum";
	return NULL;
}

/* --- results ------------------------------------------------------------- */

static inline PGresult *memory_result(int columns)
{
	static char name[] = "c";
	PGresAttDesc all[SQL_WITHIN_ROW + MEMORY_FIELDS + 3];
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	for (int i = 0; i < columns; i++)
		all[i] = (PGresAttDesc){.name = name, .format = 1};
	assert_true(PQsetResultAttrs(r, columns, all));
	return r;
}

static inline void memory_set(PGresult *r, int row, int column, const char *s)
{
	/* libpq takes it as no constant. */
	char *copy = mem_strdup(s ? s : "");
	assert_true(PQsetvalue(r, row, column, copy, s ? (int)strlen(s) : -1));
	free(copy);
}

static inline void memory_set8(PGresult *r, int row, int column, int64_t v)
{
	uint64_t be = htobe64((uint64_t)v);
	assert_true(PQsetvalue(r, row, column, (char *)&be, sizeof be));
}

static inline void memory_set4(PGresult *r, int row, int column, int32_t v)
{
	uint32_t be = htonl((uint32_t)v);
	assert_true(PQsetvalue(r, row, column, (char *)&be, sizeof be));
}

/* `most`: of more bytes, without what can be large. Returns how many. */
static inline int64_t memory_set_row(PGresult *r, int row, int first,
    const struct memory_row *from, int64_t most)
{
	int64_t bytes = 0;
	for (int i = FIELD_X; i < MEMORY_FIELDS; i++)
		bytes += from->fields[i] ? (int64_t)strlen(from->fields[i]) : 0;
	memory_set(r, row, first++, from->key);
	for (int i = 0; i < MEMORY_FIELDS; i++) {
		const char *s =
		    bytes <= most || i <= FIELD_AT ? from->fields[i] : NULL;
		if (s && i == FIELD_AT)
			memory_set8(r, row, first++, atoll(s));
		else
			memory_set(r, row, first++, s);
	}
	memory_set8(r, row, first++, from->created_at);
	memory_set8(r, row, first, from->updated_at);
	return bytes;
}

/* --- statements ---------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static inline void memory_note(
    struct memory *m, const char *format, ...)
{
	char line[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	assert_true(m->nlines < sizeof m->lines / sizeof *m->lines);
	m->lines[m->nlines++] = mem_strdup(line);
}

static inline PGresult *memory_read(struct memory *m, const struct pg_query *q)
{
	PGresult *r = memory_result(SQL_WITHIN_ROW + MEMORY_FIELDS + 3);
	struct memory_array keys = memory_array(q, 0);
	struct memory_array partitions = memory_array(q, 1);
	int64_t most = memory_int8(q->values[2]);
	for (int row = 0; keys.n > 0; row++) {
		struct memory_row *at = memory_find(m, memory_text(&keys));
		memory_set8(r, row, 0, row + 1);
		memory_set8(r, row, 1, m->next[memory_number(&partitions)]);
		for (int i = 2; i < SQL_WITHIN_ROW + MEMORY_FIELDS + 3; i++)
			memory_set(r, row, i, NULL);
		if (at == NULL)
			continue;
		memory_set8(r, row, 2, at->version);
		memory_set8(r, row, 3,
		    memory_set_row(r, row, SQL_WITHIN_ROW, at, most));
	}
	return r;
}

static inline int memory_by_key(const void *a, const void *b)
{
	const struct memory_key *x = a, *y = b;
	return strcmp(x->key, y->key);
}

static inline PGresult *memory_known(struct memory *m, const struct pg_query *q)
{
	PGresult *r = memory_result(6);
	int row = 0;
	qsort(m->keys, m->nkeys, sizeof *m->keys, memory_by_key);
	for (size_t i = 0; i < m->nkeys; i++) {
		const struct memory_key *k = &m->keys[i];
		struct memory_array wanted = memory_array(q, 0);
		bool found = false;
		while (wanted.n > 0)
			found =
			    strcmp(memory_text(&wanted), k->key) == 0 || found;
		if (!found)
			continue;
		memory_set(r, row, 0, k->key);
		memory_set8(r, row, 1, k->fingerprint);
		memory_set4(r, row, 2, k->partition);
		memory_set8(r, row, 3, k->version);
		memory_set(r, row, 4, k->outcome);
		memory_set(r, row++, 5, k->row_key);
	}
	return r;
}

static inline PGresult *memory_erase(struct memory *m, const struct pg_query *q)
{
	PGresult *r = memory_result(1);
	struct memory_array keys = memory_array(q, 0);
	struct memory_array versions = memory_array(q, 1);
	struct memory_array firsts = memory_array(q, 2);
	struct memory_array theirs = memory_array(q, 3);
	struct memory_array times = memory_array(q, 4);
	struct memory_array partitions = memory_array(q, 5);
	/* All in one snapshot: those of the first writes look first. */
	while (firsts.n > 0) {
		const char *key = memory_text(&firsts);
		int64_t version = memory_number(&theirs);
		int64_t at = memory_number(&times);
		int partition = (int)memory_number(&partitions);
		if (memory_find(m, key) == NULL)
			memory_note(m,
			    "rejected %d %lld %s %s delete not-found '' "
			    "'' %lld",
			    partition, (long long)version, memory_names[m->at],
			    key, (long long)at);
	}
	for (int row = 0; keys.n > 0;) {
		const char *key = memory_text(&keys);
		int64_t version = memory_number(&versions);
		struct memory_row *at = memory_find(m, key);
		if (at == NULL || at->version >= version)
			continue;
		memory_set(r, row++, 0, key);
		memory_forget(at);
		*at = m->rows[--m->nrows];
	}
	return r;
}

/* Calls `each` for the rows of the parameters; stops where it is not NULL. */
static inline const char *memory_each(struct memory *m,
    const struct pg_query *q,
    const char *(*each)(struct memory *m, struct memory_row *row, void *arg),
    void *arg)
{
	struct memory_array a[SQL_UPSERT_FIELDS + MEMORY_FIELDS];
	const char *stop = NULL;
	for (int i = 0; i < SQL_UPSERT_FIELDS + MEMORY_FIELDS; i++)
		a[i] = memory_array(q, i);
	while (stop == NULL && a[0].n > 0) {
		struct memory_row row = {0};
		snprintf(row.key, sizeof row.key, "%s", memory_text(&a[0]));
		row.version = memory_number(&a[1]);
		row.created_at = memory_number(&a[2]);
		row.updated_at = memory_number(&a[3]);
		for (int i = 0; i < MEMORY_FIELDS; i++) {
			const char *s = NULL;
			int32_t len = 0;
			assert_true(
			    memory_next(&a[SQL_UPSERT_FIELDS + i], &s, &len));
			row.fields[i] = memory_value(i, s, len);
		}
		stop = each(m, &row, arg);
		memory_forget(&row);
	}
	return stop;
}

static inline const char *memory_check(
    struct memory *m, struct memory_row *row, void *arg)
{
	(void)m;
	(void)arg;
	return memory_breaks(row->fields);
}

static inline const char *memory_upsert(
    struct memory *m, struct memory_row *row, void *arg)
{
	PGresult *r = arg;
	struct memory_row *at = memory_find(m, row->key);
	bool inserted = at == NULL;
	if (at && at->version >= row->version)
		return NULL;
	if (inserted) {
		assert_true(m->nrows < MEMORY_ROWS);
		at = &m->rows[m->nrows++];
	} else {
		row->created_at = at->created_at;
		memory_forget(at);
	}
	*at = *row;
	at->of = m->at;
	memset(row->fields, 0, sizeof row->fields);
	int n = PQntuples(r);
	memory_set(r, n, 0, inserted ? "\1" : "");
	if (!inserted)
		assert_true(PQsetvalue(r, n, 0, (char[]){0}, 1));
	memory_set_row(r, n, SQL_UPSERT_ROW, at, INT64_MAX);
	return NULL;
}

static inline PGresult *memory_put(struct memory *m, const struct pg_query *q)
{
	PGresult *r = memory_result(MEMORY_FIELDS + 4);
	memory_each(m, q, memory_upsert, r);
	return r;
}

static inline PGresult *memory_touch(struct memory *m, const struct pg_query *q)
{
	PGresult *r = memory_result(SQL_CURRENT_ROW + MEMORY_FIELDS + 3);
	struct memory_array keys = memory_array(q, 0);
	struct memory_array versions = memory_array(q, 1);
	int64_t most = memory_int8(q->values[2]);
	for (int row = 0; keys.n > 0;) {
		struct memory_row *at = memory_find(m, memory_text(&keys));
		int64_t version = memory_number(&versions);
		if (at == NULL)
			continue;
		at->version = version;
		memory_set8(r, row, 0, version);
		memory_set8(r, row, 1, 0);
		memory_set8(r, row, 1,
		    memory_set_row(r, row, SQL_CURRENT_ROW, at, most));
		row++;
	}
	return r;
}

static inline void memory_reject(struct memory *m, const struct pg_query *q)
{
	struct memory_array a[9];
	for (int i = 0; i < 9; i++)
		a[i] = memory_array(q, i);
	while (a[1].n > 0) {
		int partition = (int)memory_number(&a[0]);
		int64_t version = memory_number(&a[1]);
		struct buf b = {0};
		for (int i = 2; i < 8; i++)
			buf_printf(
			    &b, i < 6 ? " %s" : " '%s'", memory_text(&a[i]));
		memory_note(m, "rejected %d %lld%s %lld", partition,
		    (long long)version, b.data,
		    (long long)memory_number(&a[8]));
		buf_free(&b);
	}
}

static inline void memory_remember(struct memory *m, const struct pg_query *q)
{
	struct memory_array keys = memory_array(q, 0);
	struct memory_array prints = memory_array(q, 1);
	struct memory_array partitions = memory_array(q, 2);
	struct memory_array versions = memory_array(q, 3);
	struct memory_array outcomes = memory_array(q, 4);
	struct memory_array row_keys = memory_array(q, 5);
	while (keys.n > 0) {
		assert_true(m->nkeys < MEMORY_ROWS);
		struct memory_key *k = &m->keys[m->nkeys++];
		snprintf(k->key, sizeof k->key, "%s", memory_text(&keys));
		k->fingerprint = memory_number(&prints);
		k->partition = (int32_t)memory_number(&partitions);
		k->version = memory_number(&versions);
		snprintf(k->outcome, sizeof k->outcome, "%s",
		    memory_text(&outcomes));
		snprintf(k->row_key, sizeof k->row_key, "%s",
		    memory_text(&row_keys));
	}
}

static inline void memory_replay(struct memory *m, const struct pg_query *q)
{
	struct memory_array a[6];
	for (int i = 0; i < 6; i++)
		a[i] = memory_array(q, i);
	while (a[1].n > 0) {
		int at = (int)memory_number(&a[0]);
		long long version = memory_number(&a[1]);
		long long partition = memory_number(&a[2]);
		long long first = memory_number(&a[3]);
		memory_note(m, "replayed %d %lld %lld %lld %s %s", at, version,
		    partition, first, memory_text(&a[4]), memory_text(&a[5]));
	}
}

static inline void memory_fence(struct memory *m, const struct pg_query *q)
{
	struct memory_array partitions = memory_array(q, 0);
	struct memory_array from = memory_array(q, 1);
	struct memory_array to = memory_array(q, 2);
	while (partitions.n > 0) {
		int64_t *next = &m->next[memory_number(&partitions)];
		assert_int_equal(*next, memory_number(&from));
		*next = memory_number(&to);
	}
}

/* Would Postgres take the unit? Else the constraint that it breaks. */
static inline const char *memory_refuses(
    struct memory *m, const struct pg_query *q, size_t n)
{
	const char *constraint = NULL;
	for (size_t i = 0; constraint == NULL && i < n; i++) {
		bool rows = false;
		for (size_t k = 0; k < MEMORY_COLLECTIONS; k++)
			rows = rows || q[i].sql == m->of[k]->upsert;
		if (rows)
			constraint = memory_each(m, &q[i], memory_check, NULL);
	}
	return constraint;
}

/* Returns owned. */
static inline PGresult *memory_run(struct memory *m, const struct pg_query *q)
{
	for (m->at = 0; m->at < MEMORY_COLLECTIONS; m->at++) {
		const struct statements_of *of = m->of[m->at];
		if (q->sql == of->read)
			return memory_read(m, q);
		if (q->sql == of->erase)
			return memory_erase(m, q);
		if (q->sql == of->upsert)
			return memory_put(m, q);
		if (q->sql == of->touch)
			return memory_touch(m, q);
	}
	if (q->sql == bookkeeping_known.sql)
		return memory_known(m, q);
	PGresult *r = memory_result(MEMORY_FIELDS + 4);
	if (q->sql == bookkeeping_reject.sql)
		memory_reject(m, q);
	else if (q->sql == bookkeeping_remember.sql)
		memory_remember(m, q);
	else if (q->sql == bookkeeping_replay.sql)
		memory_replay(m, q);
	else if (q->sql == bookkeeping_fence.sql)
		memory_fence(m, q);
	else
		assert_ptr_equal(q->sql, bookkeeping_note_producers.sql);
	return r;
}

/* --- all of it ----------------------------------------------------------- */

static inline int memory_by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every row and every note, in one order. */
static inline void memory_dump(struct memory *m, struct buf *out)
{
	for (size_t i = 0; i < m->nrows; i++) {
		const struct memory_row *r = &m->rows[i];
		struct buf b = {0};
		for (int k = 0; k < MEMORY_FIELDS; k++)
			buf_printf(
			    &b, " %s", r->fields[k] ? r->fields[k] : "null");
		memory_note(m, "row %s/%s %lld %lld %lld%s",
		    memory_names[r->of], r->key, (long long)r->version,
		    (long long)r->created_at, (long long)r->updated_at, b.data);
		buf_free(&b);
	}
	for (size_t i = 0; i < m->nkeys; i++) {
		const struct memory_key *k = &m->keys[i];
		memory_note(m, "key %s %lld %d %lld %s %s", k->key,
		    (long long)k->fingerprint, k->partition,
		    (long long)k->version, k->outcome, k->row_key);
	}
	qsort(m->lines, m->nlines, sizeof *m->lines, memory_by_text);
	for (size_t i = 0; i < m->nlines; i++)
		buf_printf(out, "%s\n", m->lines[i]);
}

static inline void memory_free(struct memory *m)
{
	for (size_t i = 0; i < m->nrows; i++)
		memory_forget(&m->rows[i]);
	for (size_t i = 0; i < m->nlines; i++)
		free(m->lines[i]);
	*m = (struct memory){0};
}
