#include "api/write/schema_ready.h"

#include "api/commits/epoch.h"
#include "api/read/pg_reader.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/schema/collection.h"
#include "common/sql/bookkeeping.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct schema_ready {
	atomic_bool missing[COLLECTIONS_MAX]; /* by index */
	size_t first;			      /* collections at the start */
	atomic_bool told; /* the primary has answered at least once */
	atomic_bool again;
	/* Used by the first worker only. */
	bool asking, done;
	mono_us_t next;
};

struct schema_ready *schema_ready_new(void)
{
	struct schema_ready *m = MEM_NEW(struct schema_ready);
	while (collection_at(m->first))
		m->first++;
	return m;
}

void schema_ready_free(struct schema_ready **m)
{
	free(*m);
	*m = NULL;
}

static bool schema_ready_is_there(const PGresult *r, const struct collection *c)
{
	for (int i = 0; i < PQntuples(r); i++) {
		if (strcmp(PQgetvalue(r, i, 0), c->name) == 0 &&
		    strtoull(PQgetvalue(r, i, 1), NULL, 16) == c->shape)
			return true;
	}
	return false;
}

static void schema_ready_on_reply(void *arg, const struct pg_reply *reply)
{
	struct schema_ready *m = arg;
	m->asking = false;
	if (reply->err.kind != ERR_KIND_OK)
		return;
	const struct collection *c;
	bool done = true;
	for (size_t i = 0; (c = collection_at(i)) != NULL; i++) {
		bool there = schema_ready_is_there(reply->results[0], c);
		if (i >= m->first && !there && !atomic_load(&m->missing[i]))
			log_event(
			    EV_COLLECTION_UNMIGRATED, "collection=%s", c->name);
		atomic_store(&m->missing[i], !there);
		done = done && there;
	}
	m->done = done;
	atomic_store(&m->told, true);
}

/* There is no schema `sluice` to ask: counts every collection as missing. */
static void all_missing(struct schema_ready *m)
{
	for (size_t i = 0; collection_at(i); i++)
		atomic_store(&m->missing[i], true);
}

void schema_ready_tick(struct thread *t)
{
	const struct pg_query q = pg_statement_query(&bookkeeping_collections);
	struct schema_ready *m = t->instance->migrated;
	mono_us_t now = clock_mono();
	if (atomic_exchange(&m->again, false)) {
		m->done = false;
		m->next = 0;
	}
	if (m->done || m->asking || now < m->next)
		return;
	if (!epoch_known(t->instance->epoch)) {
		if (epoch_is_unmigrated(t->instance->epoch))
			all_missing(m);
		return;
	}
	m->asking = pg_reader_query(t->primary, &q, schema_ready_on_reply, m);
	m->next = now + (m->asking ? CLOCK_S(1) : CLOCK_MS(100));
}

void schema_ready_again(struct schema_ready *m)
{
	atomic_store(&m->again, true);
}

bool schema_ready_misses(struct schema_ready *m, const struct collection *c)
{
	return atomic_load_explicit(
	    &m->missing[c->index], memory_order_relaxed);
}

const struct collection *schema_ready_first(struct schema_ready *m)
{
	for (size_t i = 0; i < m->first; i++) {
		if (atomic_load(&m->missing[i]))
			return collection_at(i);
	}
	return NULL;
}

const struct collection *schema_ready_some(struct schema_ready *m)
{
	for (size_t i = 0; i < m->first && atomic_load(&m->told); i++) {
		if (!atomic_load(&m->missing[i]))
			return collection_at(i);
	}
	return NULL;
}
