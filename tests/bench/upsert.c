/* The limit of tests/bench/write: rows of a prepared file into Postgres by raw
 * SQL, as fast as libpq allows.
 *
 *   upsert URL TABLE FILE FORM CONNECTIONS BATCH
 *
 * FORM   unnest   binary arrays. The rows of a batch that have one key go into
 *                 statements after each other, since one statement may change
 *                 a row only once: every row is written.
 *        newest   binary arrays; of the rows of a batch that have one key only
 *                 the newest is sent
 *        json     json_to_recordset; otherwise like unnest
 *
 * All is read, sorted and encoded before the clock starts. A batch is one
 * transaction; the next one is sent while Postgres works on it. Keys are dealt
 * to the connections, so that none waits for another. Prints
 * {"rows":N,"seconds":S}.
 */
#include "stream.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"
#include "common/postgres/pg_binary.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

enum { FIELDS = 5, AHEAD = 2, TIMESTAMPTZ = 1184 };
enum form { FORM_UNNEST, FORM_NEWEST, FORM_JSON };

struct row {
	char *field[FIELDS]; /* as in the file: key, value, times, version */
	size_t at;	     /* its place in the file */
};

struct statement {
	struct buf params[FIELDS];
	bool last; /* of its transaction */
};

struct session {
	const char *url, *sql;
	PGconn *conn;
	int nparams;
	struct row *rows;
	size_t nrows, cap;
	struct statement *statements;
	size_t n, room;
	pthread_t thread;
};

/* --- the file ------------------------------------------------------------ */

static char *read_all(const char *path)
{
	struct buf b = {0};
	char piece[1 << 16];
	size_t n;
	FILE *f = fopen(path, "r");
	if (f == NULL)
		stream_die("%s cannot be read", path);
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_add(&b, piece, n);
	fclose(f);
	return buf_take(&b, NULL);
}

static void deal(char *text, struct session *sessions, size_t nsessions)
{
	char *line, *rest = text;
	for (size_t at = 0; (line = strsep(&rest, "\n")) && *line; at++) {
		struct row r = {.at = at};
		for (int i = 0; i < FIELDS; i++) {
			r.field[i] = strsep(&line, "\t");
			CHECK(r.field[i] != NULL);
		}
		/* Other bits than a partition is made of. */
		uint64_t hash = XXH3_64bits(r.field[0], strlen(r.field[0]));
		struct session *s = &sessions[(hash >> 32) % nsessions];
		MEM_GROW(s->rows, s->cap, s->nrows);
		s->rows[s->nrows++] = r;
	}
}

/* --- encoding ------------------------------------------------------------ */

static int by_key(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->field[0], y->field[0]);
	return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

static int64_t pg_time(const char *text)
{
	struct tm tm = {0};
	char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S.", &tm);
	CHECK(rest != NULL);
	/* Postgres counts from 2000. */
	return ((int64_t)timegm(&tm) - 946684800) * 1000000 + atol(rest);
}

static void encode_arrays(
    struct statement *s, struct row *const *rows, size_t n)
{
	static const Oid types[] = {25, 25, TIMESTAMPTZ, TIMESTAMPTZ, 20};
	for (int k = 0; k < FIELDS; k++)
		pg_array_begin(&s->params[k], types[k], n);
	for (size_t i = 0; i < n; i++) {
		char *const *f = rows[i]->field;
		pg_array_text(&s->params[0], f[0], strlen(f[0]));
		pg_array_text(&s->params[1], f[1], strlen(f[1]));
		pg_array_int8(&s->params[2], pg_time(f[2]));
		pg_array_int8(&s->params[3], pg_time(f[3]));
		pg_array_int8(&s->params[4], atoll(f[4]));
	}
}

static void encode_json(struct statement *s, struct row *const *rows, size_t n)
{
	static const char *const names[] = {
	    "key", "value", "created_at", "updated_at"};
	struct buf *b = &s->params[0];
	for (size_t i = 0; i < n; i++) {
		char *const *f = rows[i]->field;
		buf_char(b, i ? ',' : '[');
		for (int k = 0; k < FIELDS - 1; k++)
			buf_printf(b, "%s\"%s\":\"%s\"", k ? "," : "{",
			    names[k], f[k]);
		buf_printf(b, ",\"version\":%s}", f[4]);
	}
	buf_char(b, ']');
}

static void add_statement(
    struct session *s, enum form form, struct row *const *rows, size_t n)
{
	MEM_GROW(s->statements, s->room, s->n);
	struct statement *out = &s->statements[s->n++];
	*out = (struct statement){0};
	(form == FORM_JSON ? encode_json : encode_arrays)(out, rows, n);
}

/* Round k takes the k-th row of every key that has so many. */
static void encode_batch(
    struct session *s, enum form form, struct row *rows, size_t n)
{
	struct row **round = mem_alloc(n * sizeof *round);
	size_t *turn = mem_alloc(n * sizeof *turn), count;
	qsort(rows, n, sizeof *rows, by_key);
	for (size_t i = 0; i < n; i++)
		turn[i] =
		    i && strcmp(rows[i - 1].field[0], rows[i].field[0]) == 0
			? turn[i - 1] + 1
			: 0;
	for (size_t k = 0;; k++) {
		count = 0;
		for (size_t i = 0; i < n; i++) {
			bool newest = i + 1 == n || turn[i + 1] == 0;
			if (form == FORM_NEWEST ? newest : turn[i] == k)
				round[count++] = &rows[i];
		}
		if (count)
			add_statement(s, form, round, count);
		if (count == 0 || form == FORM_NEWEST)
			break;
	}
	s->statements[s->n - 1].last = true;
	free(turn);
	free(round);
}

static void encode(struct session *s, enum form form, size_t batch)
{
	for (size_t at = 0; at < s->nrows; at += batch) {
		size_t left = s->nrows - at;
		encode_batch(
		    s, form, &s->rows[at], left < batch ? left : batch);
	}
}

/* --- Postgres ------------------------------------------------------------ */

static char *sql_of(const char *table, enum form form)
{
	struct buf b = {0};
	buf_printf(&b,
	    "INSERT INTO %s AS t"
	    " (\"key\", value, created_at, updated_at, version)"
	    " SELECT \"key\", value, created_at, updated_at, version FROM ",
	    table);
	buf_str(&b, form == FORM_JSON
			? "json_to_recordset($1::json) AS r(\"key\" text,"
			  " value text, created_at timestamptz,"
			  " updated_at timestamptz, version int8)"
			: "unnest($1::text[], $2::text[], $3::timestamptz[],"
			  " $4::timestamptz[], $5::int8[]) AS r(\"key\","
			  " value, created_at, updated_at, version)");
	buf_str(&b, " ON CONFLICT (\"key\") DO UPDATE SET"
		    " value = excluded.value, updated_at = excluded.updated_at,"
		    " version = excluded.version"
		    " WHERE t.version < excluded.version");
	return buf_take(&b, NULL);
}

static void connect_session(struct session *s)
{
	s->conn = PQconnectdb(s->url);
	if (PQstatus(s->conn) != CONNECTION_OK)
		stream_die("%s", PQerrorMessage(s->conn));
	PGresult *r = PQprepare(s->conn, "upsert", s->sql, 0, NULL);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		stream_die("%s", PQerrorMessage(s->conn));
	PQclear(r);
	CHECK(PQenterPipelineMode(s->conn) == 1);
}

static void send_one(struct session *s, const struct statement *q)
{
	const char *values[FIELDS];
	int lengths[FIELDS], formats[FIELDS];
	for (int i = 0; i < s->nparams; i++) {
		values[i] = q->params[i].data;
		lengths[i] = (int)q->params[i].len;
		formats[i] = s->nparams > 1;
	}
	if (!PQsendQueryPrepared(
		s->conn, "upsert", s->nparams, values, lengths, formats, 0) ||
	    (q->last && !PQpipelineSync(s->conn)))
		stream_die("%s", PQerrorMessage(s->conn));
}

/* Up to the end of a transaction. */
static void read_answers(struct session *s)
{
	for (;;) {
		PGresult *r = PQgetResult(s->conn);
		ExecStatusType status = PQresultStatus(r);
		if (r && status != PGRES_COMMAND_OK &&
		    status != PGRES_PIPELINE_SYNC)
			stream_die("%s", PQresultErrorMessage(r));
		PQclear(r);
		if (r && status == PGRES_PIPELINE_SYNC)
			return;
	}
}

static void *run(void *arg)
{
	struct session *s = arg;
	size_t open = 0;
	for (size_t i = 0; i < s->n; i++) {
		send_one(s, &s->statements[i]);
		if (s->statements[i].last && ++open == AHEAD) {
			read_answers(s);
			open--;
		}
	}
	while (open-- > 0)
		read_answers(s);
	return NULL;
}

static enum form form_parse(const char *name)
{
	static const char *const names[] = {"unnest", "newest", "json"};
	for (int i = 0; i < 3; i++) {
		if (strcmp(name, names[i]) == 0)
			return (enum form)i;
	}
	stream_die("there is no form '%s'", name);
}

int main(int argc, char **argv)
{
	if (argc != 7)
		stream_die("usage: see upsert.c");
	enum form form = form_parse(argv[4]);
	size_t n = strtoul(argv[5], NULL, 10);
	size_t batch = strtoul(argv[6], NULL, 10), rows = 0;
	struct session *sessions = mem_zalloc(n * sizeof *sessions);
	char *text = read_all(argv[3]), *sql = sql_of(argv[2], form);
	deal(text, sessions, n);
	for (size_t i = 0; i < n; i++) {
		struct session *s = &sessions[i];
		s->url = argv[1];
		s->sql = sql;
		s->nparams = form == FORM_JSON ? 1 : FIELDS;
		rows += s->nrows;
		encode(s, form, batch);
		connect_session(s);
	}
	mono_us_t begin = clock_mono();
	for (size_t i = 0; i < n; i++)
		CHECK_OS(pthread_create(
		    &sessions[i].thread, NULL, run, &sessions[i]));
	for (size_t i = 0; i < n; i++)
		CHECK_OS(pthread_join(sessions[i].thread, NULL));
	printf("{\"rows\":%zu,\"seconds\":%.6f}\n", rows,
	    (double)(clock_mono() - begin) / 1e6);
	for (size_t i = 0; i < n; i++)
		PQfinish(sessions[i].conn);
	free(text); /* the rest goes with the process */
	free(sql);
}
