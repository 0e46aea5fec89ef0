#include "writer/decide/judges.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/postgres/pg_statement.h"
#include "common/schema/collection.h"
#include "common/sql/sql.h"
#include "common/sql/sql_relation.h"
#include "common/sql/sql_table.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct judges {
	enum judge of[COLLECTIONS_MAX]; /* by the collection's index */
	bool any;			/* that is not the writer's */
};

struct judges *judges_new(void)
{
	return MEM_NEW(struct judges);
}

void judges_free(struct judges **jp)
{
	free(*jp);
	*jp = NULL;
}

/* --- the catalog --------------------------------------------------------- */

extern const struct pg_statement judges_tables; /* judges.sql */

/* A growing list of texts. */
struct texts {
	struct buf items;
	size_t n;
};

static void judges_add(struct texts *t, const char *text)
{
	pg_array_text(&t->items, text, strlen(text));
	t->n++;
}

static void judges_give(struct pg_params *call, struct texts *t)
{
	struct buf *array = pg_params_param(call);
	pg_array_begin(array, PG_TEXT, t->n);
	if (t->n)
		buf_add(array, t->items.data, t->items.len);
	buf_free(&t->items);
}

static void add_checks(const struct collection *c, struct texts *names)
{
	size_t n;
	struct sql_table_check *checks = sql_table_checks(c, &n);
	for (size_t i = 0; i < n; i++)
		judges_add(names, checks[i].name);
	sql_table_checks_free(checks, n);
}

static void add_relations(const struct collection *c, struct texts *names)
{
	char name[SQL_TABLE_NAME_LEN];
	for (size_t i = 0; sql_relation_name(name, c, i); i++)
		judges_add(names, name);
}

static void add_nullable(const struct collection *c, struct texts *names)
{
	for (size_t i = 0; i < c->nfields; i++) {
		struct buf name = {0};
		if (!c->fields[i].nullable)
			continue;
		buf_printf(&name, "%s.%s", c->name, c->fields[i].stored);
		judges_add(names, name.data);
		buf_free(&name);
	}
}

static void judges_add_key(const struct collection *c, struct texts *names)
{
	struct buf columns = {0};
	for (size_t i = 0; i < c->nkey_columns; i++)
		buf_printf(
		    &columns, "%s%s", i ? "," : "", c->key_columns[i].stored);
	judges_add(names, columns.data);
	buf_free(&columns);
}

struct pg_params judges_call(void)
{
	enum { NAMES, KEYS, CHECKS, INDEXES, NULLABLE, TABLES, ALL };
	struct pg_params call = pg_statement_params(&judges_tables);
	struct texts all[ALL] = {{{0}, 0}};
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		struct buf table = {0};
		sql_name(&table, c);
		judges_add(&all[TABLES], table.data);
		buf_free(&table);
		judges_add(&all[NAMES], c->name);
		judges_add_key(c, &all[KEYS]);
		add_checks(c, &all[CHECKS]);
		add_relations(c, &all[INDEXES]);
		add_nullable(c, &all[NULLABLE]);
	}
	for (size_t i = 0; i < ALL; i++)
		judges_give(&call, &all[i]);
	return call;
}

static bool is_referred_to(const struct collection *c)
{
	const struct collection *of;
	for (size_t i = 0; (of = collection_at(i)) != NULL; i++) {
		for (size_t k = 0; k < of->nreferences; k++) {
			if (strcmp(of->references[k].collection, c->name) == 0)
				return true;
		}
	}
	return false;
}

/* A declared constraint counts even if the table does not have it yet:
 * --migrate may add it at any time. */
static enum judge judges_declared(const struct collection *c)
{
	return c->nuniques || c->nreferences || is_referred_to(c)
		   ? JUDGE_ORDER
		   : JUDGE_WRITER;
}

void judges_expect(struct judges *j)
{
	const struct collection *c;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		enum judge declared = judges_declared(c);
		if (j->of[i] < declared)
			j->of[i] = declared;
		j->any = j->any || declared != JUDGE_WRITER;
	}
}

void judges_read(struct judges *j, const PGresult *r)
{
	static const char *const names[] = {
	    [JUDGE_WRITER] = "writer",
	    [JUDGE_ROWS] = "rows",
	    [JUDGE_ORDER] = "order",
	};
	j->any = false;
	for (int i = 0; i < PQntuples(r); i++) {
		const char *name = PQgetvalue(r, i, 0);
		const struct collection *c =
		    collection_find(name, strlen(name));
		int32_t judge = pg_int4(r, i, 1);
		if (c == NULL || judge < JUDGE_WRITER || judge > JUDGE_ORDER)
			continue;
		if (judge < (int32_t)judges_declared(c))
			judge = (int32_t)judges_declared(c);
		if (j->of[c->index] != (enum judge)judge)
			log_event(EV_COLLECTION_JUDGED, "collection=%s by=%s",
			    c->name, names[judge]);
		j->of[c->index] = (enum judge)judge;
		j->any = j->any || judge != JUDGE_WRITER;
	}
}

enum judge judges_of(const struct judges *j, const struct collection *c)
{
	return j->of[c->index];
}

/* --- batches ------------------------------------------------------------- */

static bool same_id(const struct write *a, const struct write *b)
{
	return a->id_len == b->id_len && memcmp(a->id, b->id, a->id_len) == 0;
}

/* The ids of writes, by hash: there is always a free place. */
struct ids_seen {
	const struct write **places;
	size_t mask;
};

/* The last write with its id that was seen, or NULL. */
static const struct write *see(struct ids_seen *s, const struct write *w)
{
	size_t i = XXH3_64bits(w->id, w->id_len) & s->mask;
	while (s->places[i] && !same_id(s->places[i], w))
		i = (i + 1) & s->mask;
	const struct write *was = s->places[i];
	s->places[i] = w;
	return was;
}

static bool is_touch(const struct write *w)
{
	return w->op == RECORD_TOUCH && w->refused == REASON_NONE;
}

/* Is none of them a touch or an atomic batch? */
static bool is_simple(const struct write *writes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_touch(&writes[i]) || writes[i].noperations)
			return false;
	}
	return true;
}

/* Places for every operation of the writes. */
static struct ids_seen seen_new(const struct write *writes, size_t n)
{
	struct ids_seen s = {.mask = 1};
	size_t rows = 0;
	for (size_t i = 0; i < n; i++)
		rows += write_rows(&writes[i]);
	while (s.mask < 2 * rows)
		s.mask = 2 * s.mask + 1;
	s.places = mem_zalloc((s.mask + 1) * sizeof(struct write *));
	return s;
}

/* The writes of a batch so far. */
struct fitting {
	const struct judges *j;
	struct ids_seen seen;
	bool folded;  /* a key comes twice */
	bool ordered; /* order counts for one of them */
};

/* `w`: a write, or an operation of an atomic batch. */
static bool fits(struct fitting *f, const struct write *w)
{
	enum judge judge = judges_of(f->j, w->collection);
	const struct write *before = see(&f->seen, w);
	bool twice = before != NULL;
	if (twice && (is_touch(before) != is_touch(w) || before->part ||
			 w->part || judge != JUDGE_WRITER || f->ordered))
		return false;
	if (judge == JUDGE_ORDER && f->folded)
		return false;
	f->folded = f->folded || twice;
	f->ordered = f->ordered || judge == JUDGE_ORDER;
	return true;
}

static bool all_fit(struct fitting *f, const struct write *w)
{
	for (size_t k = 0; k < write_rows(w); k++) {
		if (!fits(f, write_operation(w, k)))
			return false;
	}
	return true;
}

size_t judges_fit(const struct judges *j, const struct write *writes, size_t n)
{
	size_t i = 0;
	if (n < 2 || (!j->any && is_simple(writes, n)))
		return n;
	struct fitting f = {.j = j, .seen = seen_new(writes, n)};
	while (i < n &&
	       (writes[i].refused != REASON_NONE || all_fit(&f, &writes[i])))
		i++;
	free(f.seen.places);
	return i;
}

static bool write_has_order(const struct judges *j, const struct write *w)
{
	for (size_t i = 0; i < write_rows(w); i++) {
		if (judges_of(j, write_operation(w, i)->collection) ==
		    JUDGE_ORDER)
			return true;
	}
	return false;
}

bool judges_order(const struct judges *j, const struct write *writes, size_t n)
{
	for (size_t i = 0; j->any && i < n; i++) {
		if (writes[i].refused == REASON_NONE &&
		    write_has_order(j, &writes[i]))
			return true;
	}
	return false;
}
