/* Makes scripts of the records and marks of a partition of sluice.commits.
 *
 * Invariants:
 *
 *  - INV-2: every entry in Redis is current as of its watermark. Entries, their
 *    floors and the watermark move in one script, and the watermark moves over
 *    a batch only together with, or after, all of its records.
 *  - A chunk that is full before its mark comes is applied without moving the
 *    watermark (from == to) or the cursor. It raises floors and changes entries
 *    a little early. For readers these entries are newer than the watermark,
 * not stale. After a crash the same records are read and applied again. The
 * rest of the batch is valid only on top of this chunk; the turn in Redis shows
 *    whether it was applied (common/cache/l2.h).
 *  - Later records of a key replace earlier ones; a floor only grows. A record
 *    that is older than one already seen only deletes.
 *  - After a jump nothing that was collected counts: START discards the
 *    partition, with a base floor that covers everything heard so far.
 *
 * A chunk may have several marks: those that arrive while a script is under
 * way. The next script moves the watermark over all of them.
 */
#include "projector/apply/chunk.h"

#include "common/base/check.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/schema/collection.h"

#include <stdlib.h>
#include <string.h>

void chunk_init(
    struct chunk *c, int32_t partitions, size_t max_entries, size_t max_bytes)
{
	CHECK(partitions > 0 && max_entries > 0 && max_bytes > 0);
	*c = (struct chunk){.max_entries = max_entries,
	    .max_bytes = max_bytes,
	    .partitions = partitions};
	c->nslots = 16;
	while (c->nslots < 2 * max_entries)
		c->nslots *= 2;
	c->slots = mem_zalloc(c->nslots * sizeof *c->slots);
}

static void forget_entries(struct chunk *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->entries[i].id);
		free(c->entries[i].doc);
	}
	c->n = 0;
	c->bytes = 0;
	c->newest = 0;
	c->ntraces = 0;
	memset(c->slots, 0, c->nslots * sizeof *c->slots);
}

void chunk_free(struct chunk *c)
{
	forget_entries(c);
	free(c->entries);
	free(c->slots);
	free(c->traces);
	*c = (struct chunk){0};
}

static void begin_at(struct chunk *c, version_t watermark, int64_t cursor)
{
	forget_entries(c);
	c->follower = (struct follower){0};
	c->from = c->to = watermark;
	c->cursor = cursor;
	c->confirmed = watermark == 0;
	c->due = CHUNK_NOTHING;
}

void chunk_resume(
    struct chunk *c, version_t watermark, int64_t cursor, uint64_t turn)
{
	begin_at(c, watermark, cursor);
	c->turn = turn;
	c->initialised = true;
	follower_start(&c->follower, watermark);
}

void chunk_restart(struct chunk *c, bool has, version_t watermark)
{
	begin_at(c, watermark, 0);
	c->initialised = has;
}

void chunk_begin_empty(struct chunk *c)
{
	CHECK(!c->follower.started && c->due == CHUNK_NOTHING);
	c->to = 0;
	c->cursor = 0;
	c->due = CHUNK_START;
}

/* --- entries ------------------------------------------------------------- */

static size_t *chunk_slot_of(struct chunk *c, const char *id, size_t len)
{
	size_t at = hash_bytes(id, len) & (c->nslots - 1);
	for (; c->slots[at]; at = (at + 1) & (c->nslots - 1)) {
		const struct chunk_entry *e = &c->entries[c->slots[at] - 1];
		if (e->id_len == len && memcmp(e->id, id, len) == 0)
			break;
	}
	return &c->slots[at];
}

static struct chunk_entry *entry_of(
    struct chunk *c, const struct record_commit *r)
{
	size_t *slot = chunk_slot_of(c, r->id, r->id_len);
	if (*slot)
		return &c->entries[*slot - 1];
	MEM_GROW(c->entries, c->cap, c->n);
	struct chunk_entry *e = &c->entries[c->n++];
	*slot = c->n;
	*e = (struct chunk_entry){
	    .id = mem_dup(r->id, r->id_len),
	    .id_len = r->id_len,
	    .bucket = keyspace_slot(r->id, r->id_len, c->partitions).bucket,
	};
	c->bytes += r->id_len;
	return e;
}

static bool refreshes(const struct record_commit *r)
{
	const struct collection *c =
	    collection_find(r->id, record_collection_len(r->id, r->id_len));
	return c && c->refresh;
}

static void chunk_put(struct chunk *c, const struct record_commit *r, bool set)
{
	struct chunk_entry *e = entry_of(c, r);
	if (r->version + 1 > e->floor)
		e->floor = r->version + 1;
	c->bytes -= e->doc_len;
	free(e->doc);
	e->doc = NULL;
	e->doc_len = 0;
	e->set = set;
	e->version = r->version;
	e->present = r->doc != NULL;
	if (set && r->doc) {
		e->doc = mem_dup(r->doc, r->doc_len);
		e->doc_len = r->doc_len;
	}
	c->bytes += e->doc_len;
	if (r->accepted_at > c->newest)
		c->newest = r->accepted_at;
}

/* --- what is heard ------------------------------------------------------- */

bool chunk_is_full(const struct chunk *c)
{
	return c->n >= c->max_entries || c->bytes >= c->max_bytes;
}

enum chunk_heard chunk_record(
    struct chunk *c, const struct record_commit *r, int64_t offset)
{
	CHECK(c->due != CHUNK_START && !chunk_is_full(c));
	follower_hear(&c->follower, offset);
	enum follow_record f = follower_record(&c->follower, r->version);
	/* Before the first mark only `seen` counts: the base covers it. */
	if (f == FOLLOW_IGNORE || !c->follower.started)
		return CHUNK_IGNORED;
	bool set = f == FOLLOW_SET && !r->omitted && refreshes(r);
	chunk_put(c, r, set);
	if (chunk_is_full(c))
		c->due = CHUNK_APPLY;
	return set ? CHUNK_SET : CHUNK_DROPPED;
}

void chunk_trace(struct chunk *c, const struct span_start *s, int64_t offset)
{
	MEM_GROW(c->traces, c->traces_cap, c->ntraces);
	c->traces[c->ntraces++] = (struct chunk_trace){*s, offset};
}

void chunk_mark(struct chunk *c, const struct record_mark *m, int64_t offset)
{
	CHECK(c->due != CHUNK_START);
	if (m->after + 1 < c->newer)
		return; /* it tells nothing of what was passed over */
	c->newer = 0;
	if (m->through >= c->from || m->anew)
		c->confirmed = true;
	follower_hear(&c->follower, offset);
	switch (m->anew ? follower_anew(&c->follower, m->through)
			: follower_mark(
			      &c->follower, m->from, m->through, m->after)) {
	case FOLLOW_MARK_IGNORE:
		return;
	case FOLLOW_MARK_ADVANCE:
		c->due = CHUNK_APPLY;
		break;
	case FOLLOW_MARK_JUMP:
		forget_entries(c);
		c->due = CHUNK_START;
		break;
	}
	c->to = m->through;
	c->cursor = m->after + 1;
}

void chunk_skip(struct chunk *c, int64_t offset)
{
	follower_hear(&c->follower, offset);
}

bool chunk_is_foreign(const struct chunk *c)
{
	return c->follower.started && !c->confirmed;
}

version_t chunk_base(const struct chunk *c)
{
	return follower_base(&c->follower);
}

void chunk_take_turn(struct chunk *c, uint64_t bits)
{
	CHECK(c->due != CHUNK_NOTHING);
	c->next = bits & VERSION_MAX;
}

void chunk_applied(struct chunk *c)
{
	CHECK(c->due != CHUNK_NOTHING);
	c->turn = c->next;
	forget_entries(c);
	c->initialised = true;
	c->confirmed = c->confirmed || c->due == CHUNK_START;
	c->from = c->to;
	c->due = CHUNK_NOTHING;
}
