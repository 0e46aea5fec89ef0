/* INV-7: what became of a write depends on the log in front of it in its
 * partition, and on nothing else.
 *
 * Random histories of requests and atomic batches on two collections, of which
 * one has rows that expire. The log of each is applied twice to a database in
 * memory: with other bounds of the batches, with other partitions together in
 * one transaction, with other interleavings of the partitions, by writers that
 * die before they commit. From the record of the log to the statements all of
 * it is the writer's own. Everything is compared byte by byte: rows,
 * rejections, Idempotency-Keys, replays, what is announced.
 */
#include "tests/unit/writer/memory.h"

#include "api/write/home.h"
#include "common/log/keyspace.h"
#include "common/log/operations.h"
#include "common/schema/collection.h"
#include "writer/batch/plan.h"
#include "writer/decide/judges.h"

#include <inttypes.h>

enum {
	HISTORIES = 10000,
	STEPS = 16,
	KEYS = 4 * STEPS,
	DOCUMENT_MAX = 376,
	PARTITIONS = MEMORY_PARTITIONS,
};

/* --- records (the linker's --wrap) ---------------------------------------- */

rd_kafka_resp_err_t __wrap_rd_kafka_message_headers(
    const rd_kafka_message_t *m, rd_kafka_headers_t **out);
void __wrap_rd_kafka_message_destroy(rd_kafka_message_t *m);

rd_kafka_resp_err_t __wrap_rd_kafka_message_headers(
    const rd_kafka_message_t *m, rd_kafka_headers_t **out)
{
	*out = m->_private;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* It stays, to be applied again. */
void __wrap_rd_kafka_message_destroy(rd_kafka_message_t *m)
{
	(void)m;
}

/* --- chance --------------------------------------------------------------- */

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (seed >> 33) % below;
}

/* --- requests ------------------------------------------------------------- */

struct request {
	rd_kafka_message_t message;
	char id[64];
	char key[16];	   /* the Idempotency-Key, or "" */
	char versions[48]; /* of If-Match */
	char value[4096];  /* of an atomic batch */
	struct record_write record;
};

struct history {
	struct request requests[STEPS];
	size_t n;
	const struct request *log[PARTITIONS][STEPS];
	size_t ends[PARTITIONS];
	uint64_t numbers; /* of the producer */
};

static const char *const whole[] = {"{\"n\":1}", "{\"n\":5,\"x\":1e1}",
    "{\"n\":10,\"s\":\"\\u0061\\u00e9\\n\",\"e\":\"a\"}",
    "{\"n\":0,\"x\":null,\"o\":{\"a\":{\"b\":1},\"c\":2}}",
    "{\"n\":3,\"o\":{ \"a\" : \"\\u0041\\/\" , \"b\" : [1, 2]}}",
    "{\"n\":2,\"t\":"
    "\"\\u0041\\u0041\\u0041\\u0041\\u0041\\u0041\\u0041\\u0041\"}",
    "{\"n\":4,\"t\":\"................................................\"}",
    "{\"n\":6,\"at\":\"1970-01-01T00:00:00.001004Z\"}",
    "{\"n\":7,\"at\":\"1970-01-01T00:00:00.001009Z\"}",
    /* not what the API would append, but an older one might have */
    "{\"n\":-1}", "{\"n\":11,\"s\":\"\"}", "{\"n\":1,\"x\":-5}",
    "{\"n\":1,\"e\":\"c\"}", "{\"n\":1,\"s\":\"1234567\"}", "{\"n\":\"1\"}",
    "{}", "[1]",
    "{\"n\":1,\"t\":"
    "\"....................................................................."
    "....................................................................."
    "....................................................................."
    ".....................................................................\"}"};
static const char *const patches[] = {"{\"n\":7}", "{\"x\":null}",
    "{\"x\":0.50}", "{\"s\":\"b\",\"e\":null}", "{\"o\":{\"a\":null,\"d\":1}}",
    "{\"o\":{\"a\":{\"b\":2}}}", "{}", "{\"n\":-3}", "{\"e\":\"c\"}",
    "{\"s\":null}", "{\"n\":null}",
    "{\"at\":\"1970-01-01T01:00:00.001008+01:00\"}", "{\"at\":null}",
    "{\"t\":\"................\"}",
    "{\"o\":{\"long\":\"............................................\"}}",
    "{\"t\":\"\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\\u00e9\"}"};
static const char *const increments[] = {"{\"n\":1}", "{\"n\":-1}",
    "{\"n\":-3}", "{\"n\":6}", "{\"x\":0.25}", "{\"x\":-4e0}", "{\"x\":60}",
    "{\"n\":9223372036854775807}", "{\"n\":1,\"x\":-1}", "{\"s\":1}"};

#define ANY_OF(list) list[draw(sizeof(list) / sizeof *(list))]

static const struct collection *things(void)
{
	return collection_find("things", 6);
}

static void append(struct history *h, struct request *r)
{
	struct record_write *w = &r->record;
	w->id = r->id;
	w->id_len = strlen(r->id);
	int32_t p = keyspace_slot(r->id, w->id_len, PARTITIONS).partition;
	r->message = (rd_kafka_message_t){
	    .key = r->id,
	    .key_len = w->id_len,
	    .payload =
		record_has_body(w->op) ? (void *)(uintptr_t)w->body : NULL,
	    .len = record_has_body(w->op) ? w->body_len : 0,
	    .partition = p,
	    .offset = (int64_t)h->ends[p],
	    ._private = record_write_headers(w),
	};
	record_number(r->message._private, "0123456789abcdef", ++h->numbers);
	h->log[p][h->ends[p]++] = r;
}

/* As the API gives one to a POST. */
static void generate(struct request *r)
{
	char uuid[UUIDV7_LEN];
	struct home home =
	    home_of(r->key, strlen(r->key), things(), PARTITIONS);
	home_uuid(&home, 1700000000000000, draw(1 << 12), seed, uuid);
	snprintf(r->id, sizeof r->id, "things/%s", uuid);
}

static void set_key(struct request *r, const char key[16], uint64_t fingerprint)
{
	memmove(r->key, key, sizeof r->key);
	r->record.idempotency_key = r->key;
	r->record.idempotency_len = strlen(r->key);
	r->record.fingerprint = fingerprint;
}

static void set_condition(struct request *r, const struct history *h)
{
	struct record_write *w = &r->record;
	int32_t p = keyspace_slot(r->id, strlen(r->id), PARTITIONS).partition;
	switch (draw(8)) {
	case 3:
		if (w->op != RECORD_DELETE || r->record.op == RECORD_BATCH)
			return;
		w->condition = RECORD_IF_EXPIRED;
		snprintf(r->versions, sizeof r->versions, "*");
		break;
	case 0:
		w->condition = draw(2) ? RECORD_IF_ABSENT : RECORD_CREATE;
		return;
	case 1:
		w->condition = RECORD_IF_MATCH;
		snprintf(r->versions, sizeof r->versions, "*");
		break;
	case 2:
		w->condition = RECORD_IF_MATCH;
		snprintf(r->versions, sizeof r->versions, "%zu,%zu",
		    (size_t)draw(h->ends[p] + 1), (size_t)draw(h->ends[p] + 1));
		break;
	default:
		return;
	}
	w->versions = r->versions;
	w->versions_len = strlen(r->versions);
}

static void set_body(struct request *r)
{
	struct record_write *w = &r->record;
	uint64_t what = draw(10);
	w->op = what < 4   ? RECORD_PUT
		: what < 6 ? RECORD_PATCH
		: what < 9 ? RECORD_INCREMENT
			   : RECORD_DELETE;
	w->body = w->op == RECORD_PUT	      ? ANY_OF(whole)
		  : w->op == RECORD_PATCH     ? ANY_OF(patches)
		  : w->op == RECORD_INCREMENT ? ANY_OF(increments)
					      : "";
	w->body_len = strlen(w->body);
}

/* One that makes a row, under a generated key; or the retry of one. */
static void post(struct history *h, struct request *r)
{
	const struct request *first = h->n ? &h->requests[draw(h->n)] : NULL;
	bool retry = first && strncmp(first->key, "post-", 5) == 0;
	char key[16] = "";
	snprintf(key, sizeof key, "post-%zu", h->n);
	r->record.op = RECORD_PUT;
	r->record.condition = RECORD_CREATE;
	r->record.body = retry ? first->record.body : ANY_OF(whole);
	r->record.body_len = strlen(r->record.body);
	set_key(r, retry ? first->key : key,
	    retry ? first->record.fingerprint : h->n);
	generate(r);
}

/* A key that was used for the same target, by this request or another one. */
static void reuse(struct history *h, struct request *r)
{
	const struct request *other = h->n ? &h->requests[draw(h->n)] : NULL;
	char key[32] = "";
	snprintf(key, sizeof key, "key-%zu", h->n);
	bool same = other && other->key[0] && strcmp(other->id, r->id) == 0;
	if (same)
		set_key(
		    r, other->key, other->record.fingerprint + draw(2) * 1000);
	else if (draw(4) == 0)
		set_key(r, key, h->n);
}

static const char *any_collection(void)
{
	return memory_names[draw(4) == 0];
}

/* A key of a group, or the group alone. */
static void any_key(const struct history *h, struct request *r)
{
	snprintf(r->id, sizeof r->id, "%s/%c%s", any_collection(),
	    (char)('a' + draw(1 + h->n / 6)),
	    (const char *const[]){"", "", ":x", ":y"}[draw(4)]);
}

/* A few operations of one group, all or nothing. */
static void atomic(struct history *h, struct request *r)
{
	static const char *const suffixes[] = {"", ":x", ":y", ":z"};
	char group = (char)('a' + draw(1 + h->n / 6));
	struct buf value = {0};
	size_t first = draw(4), n = 1 + draw(4);
	for (size_t i = 0; i < n; i++) {
		snprintf(r->id, sizeof r->id, "%s/%c%s", any_collection(),
		    group, suffixes[(first + i) % 4]);
		r->record.condition = RECORD_ALWAYS;
		set_body(r);
		set_condition(r, h);
		r->record.id = r->id;
		r->record.id_len = strlen(r->id);
		operations_add(&value, &r->record);
	}
	operations_end(&value);
	snprintf(r->id, sizeof r->id, "_batch/%c", group);
	assert_true(value.len < sizeof r->value);
	memcpy(r->value, value.data, value.len);
	r->record.op = RECORD_BATCH;
	r->record.condition = RECORD_ALWAYS;
	r->record.versions_len = 0;
	r->record.body = r->value;
	r->record.body_len = value.len;
	buf_free(&value);
	reuse(h, r);
}

static void request(struct history *h)
{
	struct request *r = &h->requests[h->n];
	uint64_t what = draw(18);
	*r = (struct request){.record.versions = ""};
	/* Of APIs whose clocks differ. */
	r->record.accepted_at = (wall_us_t)(1000 + h->n + draw(4));
	if (what < 3) {
		post(h, r);
	} else if (what < 6) {
		atomic(h, r);
	} else {
		any_key(h, r);
		set_body(r);
		set_condition(r, h);
		reuse(h, r);
		if (draw(8) == 0) {
			r->record.op = RECORD_TOUCH;
			r->record.body = "";
			r->record.body_len = 0;
		}
	}
	append(h, r);
	h->n++;
	/* The producer's second copy of it. */
	int32_t p = r->message.partition;
	if (draw(10) == 0 && h->n < STEPS) {
		struct request *copy = &h->requests[h->n++];
		*copy = *r;
		copy->message.key = copy->id;
		copy->message.offset = (int64_t)h->ends[p];
		copy->message._private =
		    rd_kafka_headers_copy(r->message._private);
		h->log[p][h->ends[p]++] = copy;
	}
}

static void make(struct history *h)
{
	*h = (struct history){0};
	size_t n = 4 + draw(STEPS - 4);
	while (h->n < n)
		request(h);
}

static void clear(struct history *h)
{
	for (size_t i = 0; i < h->n; i++)
		rd_kafka_headers_destroy(h->requests[i].message._private);
}

/* --- the writer ----------------------------------------------------------- */

static struct statements *statements;
static struct judges *judges;
/* How often each outcome was seen, so that none is missed. */
static size_t seen[REASON_COUNT], retries;
/* Deletes of rows whose time had come. */
static size_t expired;
/* Batches of several partitions. */
static size_t shared;
/* Atomic batches of several operations; and of both collections. */
static size_t whole_batches, rejected_batches, of_both;
static size_t several_batches, beside_others; /* slices */
/* Writers that died between the reads and the commit. */
static size_t deaths;
/* Touches that found a row, and that found none. */
static size_t touched, touched_nothing;

struct run {
	struct memory memory;
	struct dedup producers[PARTITIONS];
	size_t most_rows, most_bytes; /* of a batch */
	size_t refused;		      /* by the database */
	/* The newest announcement of a key; and which writes were told to have
	 * made a row. */
	char told[KEYS][3 * 1024];
	bool made[PARTITIONS][STEPS];
};

/* What is told of each key: the newest. */
static void tell(struct run *r, const struct write *w, const char *text)
{
	size_t i = 0;
	while (r->told[i][0] && (strncmp(r->told[i], w->id, w->id_len) != 0 ||
				    r->told[i][w->id_len] != ' '))
		i++;
	assert_true(i < KEYS);
	snprintf(r->told[i], sizeof r->told[i], "%.*s %" PRIu64 " %s",
	    (int)w->id_len, w->id, w->version, text);
}

static void announce(
    struct run *r, int32_t p, const struct batch_plan *plan, size_t slice)
{
	const struct fold *f = &plan_verdicts(plan, slice)->fold;
	for (size_t i = 0; i < f->n; i++) {
		struct fold_effect e;
		size_t at = 0;
		while (fold_next_effect(&f->changes[i], &at, &e)) {
			struct buf b = {0};
			size_t bytes;
			buf_str(&b, e.gone ? "gone" : "");
			assert_true(e.gone ||
				    plan_document(plan, slice, i, &b, &bytes));
			tell(r, e.last, b.data);
			touched += e.last->op == RECORD_TOUCH && !e.gone;
			touched_nothing += e.last->op == RECORD_TOUCH && e.gone;
			buf_free(&b);
			if (e.creator)
				r->made[p][e.creator->version] = true;
		}
	}
}

static void note_outcomes(
    struct run *r, int32_t p, const struct batch_plan *plan, size_t slice)
{
	const struct verdicts *v = plan_verdicts(plan, slice);
	size_t said = 0;
	for (size_t i = 0; i < v->n; i++) {
		enum reason reason = verdicts_reason(v, i);
		bool replayed = verdicts_replayed(v, i);
		memory_note(&r->memory, "write %d %" PRIu64 " %s %s %s", p,
		    v->writes[i].version,
		    v->copies[i] ? "copy"
		    : v->out[i]	 ? "out"
				 : verdicts_outcome(v, i),
		    replayed ? "replayed"
		    : reason ? reason_row(reason)->name
			     : "-",
		    reason ? verdicts_detail(v, i) : "");
		seen[reason]++;
		expired += reason == REASON_NONE &&
			   v->writes[i].said.condition == RECORD_IF_EXPIRED;
		retries +=
		    replayed && v->writes[i].said.condition == RECORD_CREATE;
		if (reason == REASON_NONE && !replayed)
			continue;
		/* As the mark carries them. */
		assert_int_equal(v->said[said].reason, reason);
		assert_int_equal(v->said[said].replayed, replayed);
		assert_true(v->said[said++].version == v->writes[i].version);
	}
	assert_int_equal(v->nsaid, said);
}

/* Of how many of the writes, from the first on, the rows may be read. */
static size_t look(struct run *r, struct prefetch *l, version_t from, size_t n,
    PGresult **results, size_t *nresults)
{
	for (;;) {
		/* Of each collection, and of the Idempotency-Keys. */
		struct pg_query q[MEMORY_COLLECTIONS + 1];
		size_t nq = prefetch_queries(l);
		assert_in_range(nq, 1, MEMORY_COLLECTIONS + 1);
		prefetch_query(l, q);
		PGresult *found[MEMORY_COLLECTIONS + 1];
		for (size_t i = 0; i < nq; i++)
			results[(*nresults)++] = found[i] =
			    memory_run(&r->memory, &q[i]);
		switch (prefetch_results(l, found, from)) {
		case PREFETCH_DONE:
			return n;
		case PREFETCH_TOO_MUCH:
			return prefetch_fits(l);
		case PREFETCH_MORE:
			break;
		case PREFETCH_MOVED:
			fail_msg("the watermark is elsewhere");
		}
	}
}

/* Reads what the slices need. Returns how many writes of a slice may be tried
 * instead; 0: all of all slices. */
static size_t read_for(struct run *r, struct slice *const *slices, size_t n,
    PGresult **found, size_t *nfound)
{
	for (size_t k = 0; k < n; k++) {
		struct slice *s = slices[k];
		s->lookup = prefetch_new(statements, s->partition, s->writes,
		    s->n, r->most_bytes, DOCUMENT_MAX);
		if (s->lookup == NULL)
			continue;
		size_t fits = look(r, s->lookup, s->from, s->n, found, nfound);
		if (fits < s->n)
			return fits;
	}
	return 0;
}

/* Has every operation of the batch taken effect, or none? */
static void check_atomic(
    struct run *r, const struct write *w, const struct verdicts *v, size_t at)
{
	bool took = !v->out[at] && verdicts_reason(v, at) == REASON_NONE;
	size_t rows = 0, deleted = 0, others = 0;
	for (size_t i = 0; i < w->noperations; i++) {
		const struct write *o = &w->operations[i];
		char key[40];
		snprintf(key, sizeof key, "%.*s", (int)o->key_len, o->key);
		r->memory.at = o->id[0] == memory_names[1][0];
		others += r->memory.at;
		const struct memory_row *row = memory_find(&r->memory, key);
		bool new = row && row->version == (int64_t)w->version;
		rows += new;
		deleted += o->op == RECORD_DELETE;
		assert_true(!took || new == (o->op != RECORD_DELETE));
		assert_true(!took || o->op != RECORD_DELETE || row == NULL);
	}
	assert_int_equal(rows, took ? w->noperations - deleted : 0);
	of_both += took && others > 0 && others < w->noperations;
	whole_batches += took && w->noperations > 1;
	rejected_batches += !took && w->noperations > 1;
}

static void check_all_atomic(
    struct run *r, const struct slice *s, const struct verdicts *v)
{
	size_t atomic = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (s->writes[i].noperations == 0)
			continue;
		check_atomic(r, &s->writes[i], v, i);
		atomic++;
	}
	several_batches += atomic > 1;
	beside_others += atomic > 0 && atomic < s->n;
}

static bool is_taken(
    struct run *r, struct slice *const *slices, size_t n, struct batch_plan *p)
{
	PGresult *results[32];
	struct pg_query q[32];
	size_t nq = plan_queries(p);
	assert_true(nq <= 32);
	plan_query(p, q);
	if (memory_refuses(&r->memory, q, nq))
		return false;
	for (size_t i = 0; i < nq; i++)
		results[i] = memory_run(&r->memory, &q[i]);
	plan_results(p, results);
	for (size_t k = 0; k < n; k++) {
		int32_t at = slices[k]->partition;
		note_outcomes(r, at, p, k);
		announce(r, at, p, k);
		check_all_atomic(r, slices[k], plan_verdicts(p, k));
		dedup_adopt(&r->producers[at], &plan_verdicts(p, k)->next);
	}
	for (size_t i = 0; i < nq; i++)
		PQclear(results[i]);
	return true;
}

enum { DIED = STEPS + 1 };

/* Applies the slices in one transaction. Returns how many writes of a single
 * slice may be tried instead; 0: it is done. DIED: nothing came of it, and the
 * next writer begins where this one did. */
static size_t attempt(struct run *r, struct slice *const *slices, size_t n)
{
	PGresult *found[16 * PARTITIONS];
	size_t nfound = 0;
	size_t fits = read_for(r, slices, n, found, &nfound);
	struct batch_plan *plan =
	    fits ? NULL : plan_new(statements, slices, n, 0);
	for (size_t k = 0; k < n; k++)
		prefetch_free(&slices[k]->lookup);
	while (nfound > 0)
		PQclear(found[--nfound]);
	if (plan == NULL)
		return fits;
	if (draw(12) == 0) {
		deaths++;
		plan_free(&plan);
		return DIED;
	}
	bool taken = is_taken(r, slices, n, plan);
	plan_free(&plan);
	if (taken)
		return 0;
	struct slice *s = slices[0];
	r->refused++;
	if (s->n == 1)
		write_refuse(&s->writes[0], REASON_CONSTRAINT, "");
	return s->n == 1 ? 1 : s->n / 2;
}

/* The next writes of a partition. Returns owned. */
static struct slice *next_slice(
    struct run *r, const struct history *h, int32_t p)
{
	const struct write_log log = {
	    .partitions = PARTITIONS, .document_max = DOCUMENT_MAX};
	size_t from = (size_t)r->memory.next[p];
	size_t left = h->ends[p] - from;
	size_t n = 1 + draw(r->most_rows < left ? r->most_rows : left);
	struct write *writes = mem_alloc(n * sizeof *writes);
	for (size_t i = 0; i < n; i++) {
		rd_kafka_message_t *m =
		    (rd_kafka_message_t *)(uintptr_t)&h->log[p][from + i]
			->message;
		write_read(&writes[i], m, &log);
	}
	size_t fits = judges_fit(judges, writes, n);
	while (n > fits)
		write_clear(&writes[--n]);
	struct slice *s = slice_new(p, (version_t)from, writes, n);
	s->producers = &r->producers[p];
	return s;
}

static void shorten(struct slice *s, size_t n)
{
	while (s->n > n)
		write_clear(&s->writes[--s->n]);
	s->to = s->writes[n - 1].version + 1;
}

static void apply_alone(struct run *r, struct slice *s)
{
	size_t n;
	while ((n = attempt(r, &s, 1)) > 0 && n != DIED)
		shorten(s, n);
}

/* One batch of some of the partitions; if it does not succeed, a batch of each.
 */
static void apply_some(
    struct run *r, const struct history *h, const int32_t *open, size_t nopen)
{
	struct slice *slices[PARTITIONS];
	size_t n = 0, always = draw(nopen);
	for (size_t i = 0; i < nopen; i++) {
		bool also = r->most_rows > 2 && draw(2);
		if (i == always || also)
			slices[n++] = next_slice(r, h, open[i]);
	}
	shared += n > 1;
	size_t again = n == 1 ? 1 : attempt(r, slices, n);
	for (size_t k = 0; again > 0 && again != DIED && k < n; k++)
		apply_alone(r, slices[k]);
	for (size_t k = 0; k < n; k++)
		slice_free(&slices[k]);
}

/* Returns all that came of it. */
static char *run(const struct history *h, size_t most_rows, size_t most_bytes)
{
	static struct run r;
	struct buf out = {0};
	r = (struct run){.most_rows = most_rows, .most_bytes = most_bytes};
	for (size_t i = 0; i < MEMORY_COLLECTIONS; i++)
		r.memory.of[i] = statements_for(
		    statements, collection_find(memory_names[i], 6));
	for (;;) {
		int32_t open[PARTITIONS];
		size_t nopen = 0;
		for (int32_t p = 0; p < PARTITIONS; p++) {
			if ((size_t)r.memory.next[p] < h->ends[p])
				open[nopen++] = p;
		}
		if (nopen == 0)
			break;
		apply_some(&r, h, open, nopen);
	}
	for (int32_t p = 0; p < PARTITIONS; p++) {
		for (size_t i = 0; i < h->ends[p]; i++) {
			if (r.made[p][i])
				memory_note(&r.memory, "made %d %zu", p, i);
		}
		dedup_free(&r.producers[p]);
	}
	for (size_t i = 0; r.told[i][0]; i++)
		memory_note(&r.memory, "told %s", r.told[i]);
	if (r.refused)
		memory_note(&r.memory, "asked the database: %zu", r.refused);
	memory_dump(&r.memory, &out);
	memory_free(&r.memory);
	return buf_take(&out, NULL);
}

static void check(uint64_t from)
{
	static struct history h;
	seed = from;
	make(&h);
	char *alone = run(&h, 1 + draw(2), 1000000);
	char *together = run(&h, STEPS, 200 + draw(2000));
	if (strcmp(alone, together) != 0 || strstr(alone, "asked")) {
		for (int32_t p = 0; p < PARTITIONS; p++) {
			for (size_t i = 0; i < h.ends[p]; i++) {
				const struct record_write *w =
				    &h.log[p][i]->record;
				printf("%d-%zu %s %s %s %s %s\n", p, i,
				    record_op_name(w->op), h.log[p][i]->id,
				    h.log[p][i]->key, h.log[p][i]->versions,
				    w->body);
			}
		}
		/* cmocka would cut it short. */
		printf("one by one:\n%s\ntogether:\n%s\n", alone, together);
		fail_msg("seed %" PRIu64, from);
	}
	free(alone);
	free(together);
	clear(&h);
}

static void the_same_log_has_the_same_outcomes(void **state)
{
	(void)state;
	const char *text = getenv("SLUICE_TEST_SEED");
	uint64_t first = text ? strtoull(text, NULL, 10) : 20261128;
	print_message("seeds from %" PRIu64 " on\n", first);
	statements = statements_new();
	judges = judges_new();
	for (uint64_t i = 0; i < HISTORIES; i++)
		check(first + i);
	statements_free(&statements);
	judges_free(&judges);
	for (int r = REASON_NONE; r < REASON_COUNT; r++) {
		if (seen[r] == 0 && r != REASON_OPERATOR)
			fail_msg("never: %s", reason_row((enum reason)r)->name);
	}
	assert_true(retries > 0 && expired > 0);
	assert_true(shared > 0);
	assert_true(whole_batches > 0 && rejected_batches > 0);
	assert_true(several_batches > 0 && beside_others > 0);
	assert_true(of_both > 0 && deaths > 0);
	assert_true(touched > 0 && touched_nothing > 0);
}

int main(void)
{
	struct err e = collections_load(
	    SLUICE_SOURCE "/tests/unit/writer/things.json:" SLUICE_SOURCE
			  "/tests/unit/writer/others.json");
	if (e.kind != ERR_KIND_OK) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_same_log_has_the_same_outcomes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
