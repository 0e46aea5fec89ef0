/* The follower against every log within small bounds.
 *
 * The world: up to VERSIONS writes over KEYS keys (some rejected), cut into
 * batches. Writer A commits the first batches, publishes some of them and
 * stalls. Writer B takes over: it announces the gap again from the current
 * rows, then commits and publishes the rest. What A still had to say lands
 * anywhere among what B says. The log may be compacted up to any place before
 * it is read.
 *
 * The consumer starts anywhere, or resumes what it stored at a mark, there or
 * from further back. The cache is as unlucky as its rules allow: at every step
 * each entry is what the oldest permitted fill (as_of = floor) or an earlier
 * survivor left there, whichever is older. It must hold that
 *
 *  - every entry is current as of the watermark, and
 *  - no entry is older than a record that was seen of its key.
 *
 * Each rule is then left out in turn, and a stale entry must be found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/log/follower.h"

#include <string.h>

enum { VERSIONS = 4, KEYS = 2, LOG_MAX = 24 };

/* An entry that is not there: older fills are always worse luck. */
#define NONE UINT64_MAX

/* What is left out of the rules. */
enum mutant {
	ALL_RULES,
	NO_IGNORE,     /* records below the watermark count */
	NO_DROP,       /* records out of order set entries */
	NO_JUMP,       /* a gap before a mark is passed over */
	BASE_FORGETS,  /* the base is the watermark alone */
	NO_AFTER,      /* marks of batches that began unheard advance */
	NO_CONTINUITY, /* offsets that compaction took are not noticed */
	RESET_FORGETS, /* a jump forgets what was seen */
	RESUME_TRUSTS, /* a resumed consumer heard all before, it says */
};

struct message {
	bool mark;
	int key;
	version_t version; /* of a record */
	version_t from;	   /* of a mark */
	version_t through;
	int after; /* of a mark: its batch begins after this offset */
};

struct log {
	int count;
	struct message messages[LOG_MAX];
};

struct world {
	version_t versions;
	int key_of[VERSIONS]; /* KEYS: rejected, no record */
	int batches;
	version_t bound[VERSIONS + 1]; /* batch b is [bound b, bound b + 1) */
	bool descending;	       /* the order of records in a batch */
	/* newest[k][w]: one past the newest write of k below w; 0: none */
	version_t newest[KEYS][VERSIONS + 1];
};

/* Which of the ways to consume are tried. */
struct scope {
	enum mutant mutant;
	version_t versions;
	bool start_anywhere;
	bool compaction;
	bool restart;
};

struct reader {
	enum mutant mutant;
	const struct world *world;
	struct follower follower;
	int next; /* where to read on */
	version_t floor[KEYS];
	version_t entry[KEYS]; /* one past the version held */
	version_t known[KEYS]; /* one past the newest record seen */
};

/* --- the consumer: follower.h as a tail or projector uses it --- */

static version_t base(const struct reader *r)
{
	if (r->mutant == BASE_FORGETS)
		return r->follower.watermark;
	return follower_base(&r->follower);
}

static enum follow_record decide_record(struct reader *r, version_t version)
{
	struct follower *f = &r->follower;
	bool started = f->started;
	if (r->mutant == NO_IGNORE)
		f->started = false;
	enum follow_record what = follower_record(f, version);
	f->started = started;
	if (r->mutant == NO_DROP && what == FOLLOW_DROP)
		return FOLLOW_SET;
	return what;
}

static enum follow_mark decide_mark(struct reader *r, const struct message *m)
{
	struct follower *f = &r->follower;
	version_t from = m->from;
	int64_t after = m->after;
	bool news = !f->started || m->through > f->watermark;
	bool unheard = after + 1 < f->since;
	if (r->mutant == RESET_FORGETS && news && (unheard || !f->started))
		f->seen = 0;
	if (r->mutant == NO_AFTER)
		after = INT64_MAX - 1;
	if (r->mutant == NO_JUMP && f->started && from > f->watermark)
		from = f->watermark;
	return follower_mark(f, from, m->through, after);
}

static void hear_record(struct reader *r, const struct message *m)
{
	version_t past = m->version + 1;
	enum follow_record what = decide_record(r, m->version);
	if (past > r->known[m->key])
		r->known[m->key] = past;
	if (what == FOLLOW_IGNORE)
		return;
	if (past > r->floor[m->key])
		r->floor[m->key] = past;
	r->entry[m->key] = what == FOLLOW_SET ? past : NONE;
}

static void hear_mark(struct reader *r, const struct message *m)
{
	if (decide_mark(r, m) != FOLLOW_MARK_JUMP)
		return;
	for (int k = 0; k < KEYS; k++) {
		r->floor[k] = base(r);
		r->entry[k] = NONE;
	}
}

static void hear(struct reader *r, int offset, const struct message *m)
{
	if (r->mutant == NO_CONTINUITY && offset > r->next)
		r->follower.next = offset;
	follower_hear(&r->follower, offset);
	r->next = offset + 1;
	if (m->mark)
		hear_mark(r, m);
	else
		hear_record(r, m);
	for (int k = 0; k < KEYS; k++) {
		version_t fill = r->world->newest[k][r->floor[k]];
		if (fill < r->entry[k])
			r->entry[k] = fill;
	}
}

static bool stale(const struct reader *r)
{
	if (!r->follower.started) /* nothing is served yet */
		return false;
	for (int k = 0; k < KEYS; k++)
		if (r->entry[k] < r->known[k] ||
		    r->entry[k] < r->world->newest[k][r->follower.watermark])
			return true;
	return false;
}

/* --- the log --- */

/* Compaction up to `clean` keeps the last message of each key before it; all
 * marks of a partition have one key. */
static bool compacted(const struct log *log, int offset, int clean)
{
	const struct message *m = &log->messages[offset];
	for (int i = offset + 1; i < clean; i++) {
		const struct message *n = &log->messages[i];
		if (n->mark == m->mark && (m->mark || n->key == m->key))
			return true;
	}
	return false;
}

/* Reads to the end. True when a stale entry was held on the way. */
static bool follow(struct reader r, const struct log *log, int clean)
{
	for (int i = r.next; i < log->count; i++) {
		if (compacted(log, i, clean))
			continue;
		hear(&r, i, &log->messages[i]);
		if (stale(&r))
			return true;
	}
	return false;
}

static bool follow_any_compaction(
    const struct reader *r, const struct log *log, const struct scope *scope)
{
	for (int clean = 0; clean <= (scope->compaction ? log->count : 0);
	     clean++)
		if (follow(*r, log, clean))
			return true;
	return false;
}

/* Resumes what was stored right after a mark: its follower and all; or just
 * the watermark with floors and entries, from there or from earlier. */
static bool resume(const struct reader *stored, const struct log *log,
    const struct scope *scope)
{
	if (follow_any_compaction(stored, log, scope))
		return true;
	for (int from = 0; from <= stored->next; from++) {
		struct reader r = *stored;
		r.follower = (struct follower){0};
		follower_start(&r.follower, stored->follower.watermark);
		memset(r.known, 0, sizeof r.known);
		r.next = from;
		if (scope->mutant == RESUME_TRUSTS)
			r.follower.next = from;
		if (follow_any_compaction(&r, log, scope))
			return true;
	}
	return false;
}

static bool try_starts(
    const struct world *w, const struct log *log, const struct scope *scope)
{
	int starts = scope->start_anywhere ? log->count : 1;
	for (int start = 0; start < starts; start++) {
		struct reader r = {
		    .mutant = scope->mutant, .world = w, .next = start};
		if (follow_any_compaction(&r, log, scope))
			return true;
		for (int i = start; scope->restart && i < log->count; i++) {
			version_t before = r.follower.watermark;
			hear(&r, i, &log->messages[i]);
			if (r.follower.watermark != before &&
			    resume(&r, log, scope))
				return true;
		}
	}
	return false;
}

/* --- the writers --- */

static void say(struct log *log, struct message m)
{
	assert_true(log->count < LOG_MAX);
	log->messages[log->count++] = m;
}

/* The records of [from, through), one per key, and their mark. */
static void announce(
    struct log *out, const struct world *w, version_t from, version_t through)
{
	for (version_t i = from; i < through; i++) {
		version_t v = w->descending ? through - 1 - (i - from) : i;
		int key = w->key_of[v];
		if (key < KEYS && w->newest[key][through] == v + 1)
			say(out, (struct message){.key = key, .version = v});
	}
	say(out,
	    (struct message){.mark = true, .from = from, .through = through});
}

/* One merge of both voices, as `turns` says: bit set, A speaks. `after` is the
 * speaker's own mark before, or where it began. */
static void merge(
    struct log *log, const struct log *a, const struct log *b, unsigned turns)
{
	int begin = log->count - 1;
	int after[2] = {begin, begin};
	int at[2] = {0, 0};
	for (int i = 0; i < a->count + b->count; i++) {
		int who = turns >> i & 1 ? 0 : 1;
		struct message m = (who ? b : a)->messages[at[who]++];
		m.after = after[who];
		if (m.mark)
			after[who] = log->count;
		say(log, m);
	}
}

static bool try_merges(const struct world *w, const struct log *published,
    const struct log *a, const struct log *b, const struct scope *scope)
{
	int total = a->count + b->count;
	for (unsigned turns = 0; turns < 1u << total; turns++) {
		if (__builtin_popcount(turns) != a->count)
			continue;
		struct log log = *published;
		merge(&log, a, b, turns);
		if (try_starts(w, &log, scope))
			return true;
	}
	return false;
}

/* A committed batches below `committed`, published those below `published`. */
static bool try_takeover(const struct world *w, int published, int committed,
    const struct scope *scope)
{
	struct log before = {0};
	struct log none = {0};
	struct log log = {0};
	struct log a = {0};
	struct log b = {0};
	for (int i = 0; i < published; i++)
		announce(&before, w, w->bound[i], w->bound[i + 1]);
	merge(&log, &before, &none, ~0u);
	for (int i = published; i < committed; i++)
		announce(&a, w, w->bound[i], w->bound[i + 1]);
	if (published < committed)
		announce(&b, w, w->bound[published], w->bound[committed]);
	for (int i = committed; i < w->batches; i++)
		announce(&b, w, w->bound[i], w->bound[i + 1]);
	return try_merges(w, &log, &a, &b, scope);
}

static bool try_world(const struct world *w, const struct scope *scope)
{
	for (int committed = 0; committed <= w->batches; committed++)
		for (int published = 0; published <= committed; published++)
			if (try_takeover(w, published, committed, scope))
				return true;
	return false;
}

/* --- all worlds --- */

static void know_newest(struct world *w)
{
	for (int k = 0; k < KEYS; k++)
		for (version_t v = 0; v < w->versions; v++)
			w->newest[k][v + 1] =
			    w->key_of[v] == k ? v + 1 : w->newest[k][v];
}

static struct world make_world(
    version_t versions, unsigned keys, unsigned cuts, bool descending)
{
	struct world w = {.versions = versions, .descending = descending};
	for (version_t v = 0; v < versions; v++) {
		w.key_of[v] = (int)(keys % (KEYS + 1));
		keys /= KEYS + 1;
	}
	for (version_t v = 1; v <= versions; v++)
		if (v == versions || (cuts >> (v - 1) & 1))
			w.bound[++w.batches] = v;
	know_newest(&w);
	return w;
}

static bool finds_a_stale_entry(struct scope scope)
{
	unsigned keys = 1;
	for (version_t v = 0; v < scope.versions; v++)
		keys *= KEYS + 1;
	unsigned cuts = 1u << (scope.versions - 1);
	/* One number counts the keys, the cuts, and both orders. */
	for (unsigned n = 0; n < keys * cuts * 2; n++) {
		struct world w = make_world(
		    scope.versions, n / 2 / cuts, n / 2 % cuts, n % 2);
		if (try_world(&w, &scope))
			return true;
	}
	return false;
}

static void all_rules_hold(void **state)
{
	(void)state;
	assert_false(finds_a_stale_entry((struct scope){
	    .versions = 4, .start_anywhere = true, .compaction = true}));
	assert_false(finds_a_stale_entry(
	    (struct scope){.versions = 4, .restart = true}));
	assert_false(finds_a_stale_entry((struct scope){.versions = 3,
	    .start_anywhere = true,
	    .compaction = true,
	    .restart = true}));
}

/* Without the caller's two, the rest suffices for who heard everything. */
static void from_the_first_offset(void **state)
{
	(void)state;
	assert_false(finds_a_stale_entry(
	    (struct scope){.mutant = NO_AFTER, .versions = 4}));
	assert_false(finds_a_stale_entry(
	    (struct scope){.mutant = NO_CONTINUITY, .versions = 4}));
}

static void no_rule_can_be_left_out(void **state)
{
	(void)state;
	static const struct scope table[] = {
	    {.mutant = NO_IGNORE, .start_anywhere = true},
	    {.mutant = NO_DROP},
	    {.mutant = NO_JUMP, .start_anywhere = true},
	    {.mutant = BASE_FORGETS},
	    {.mutant = NO_AFTER, .start_anywhere = true},
	    {.mutant = NO_CONTINUITY, .compaction = true},
	    {.mutant = RESET_FORGETS, .start_anywhere = true},
	    {.mutant = RESUME_TRUSTS, .restart = true},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct scope scope = table[i];
		scope.versions = 3;
		if (!finds_a_stale_entry(scope))
			fail_msg("mutant %d is not found", (int)scope.mutant);
		scope.mutant = ALL_RULES;
		assert_false(finds_a_stale_entry(scope));
	}
}

/* --- by hand --- */

static void records(void **state)
{
	(void)state;
	struct follower f = {0};
	follower_start(&f, 100);
	assert_int_equal(follower_record(&f, 99), FOLLOW_IGNORE);
	assert_int_equal(follower_record(&f, 120), FOLLOW_SET);
	assert_int_equal(follower_record(&f, 110), FOLLOW_DROP);
	assert_int_equal(follower_record(&f, 120), FOLLOW_SET);
	assert_int_equal(follower_record(&f, 121), FOLLOW_SET);
	assert_int_equal(follower_mark(&f, 100, 122, 0), FOLLOW_MARK_ADVANCE);
	assert_int_equal(follower_record(&f, 121), FOLLOW_IGNORE);
	assert_int_equal(follower_record(&f, 122), FOLLOW_SET);
}

/* The race of the header: the last mark of the log was written late. */
static void a_late_mark(void **state)
{
	(void)state;
	struct follower f = {0};
	assert_int_equal(follower_mark(&f, 140, 150, 0), FOLLOW_MARK_JUMP);
	assert_true(follower_base(&f) == 150);
	assert_int_equal(follower_mark(&f, 200, 250, 0), FOLLOW_MARK_JUMP);
	assert_true(follower_base(&f) == 250);
	assert_int_equal(follower_mark(&f, 150, 200, 0), FOLLOW_MARK_IGNORE);
	assert_int_equal(follower_mark(&f, 150, 250, 0), FOLLOW_MARK_IGNORE);
	assert_int_equal(follower_mark(&f, 240, 260, 0), FOLLOW_MARK_ADVANCE);
	assert_true(f.watermark == 260);
	assert_int_equal(follower_mark(&f, 260, 270, 0), FOLLOW_MARK_ADVANCE);
}

static void the_base_covers_what_was_seen(void **state)
{
	(void)state;
	struct follower f = {0};
	assert_int_equal(follower_record(&f, 180), FOLLOW_SET);
	assert_int_equal(follower_record(&f, 170), FOLLOW_DROP);
	assert_int_equal(follower_mark(&f, 140, 150, 0), FOLLOW_MARK_JUMP);
	assert_true(f.watermark == 150);
	assert_true(follower_base(&f) == 181);
	follower_reset(&f);
	assert_false(f.started);
	assert_int_equal(follower_mark(&f, 150, 160, 0), FOLLOW_MARK_JUMP);
	assert_true(follower_base(&f) == 181);
}

static void what_cannot_be(void **state)
{
	(void)state;
	struct follower f = {0};
	follower_start(&f, 100);
	assert_int_equal(follower_record(&f, VERSION_MAX), FOLLOW_IGNORE);
	assert_int_equal(follower_record(&f, UINT64_MAX), FOLLOW_IGNORE);
	assert_int_equal(follower_mark(&f, 150, 120, 7), FOLLOW_MARK_IGNORE);
	assert_int_equal(
	    follower_mark(&f, 100, 120, INT64_MAX), FOLLOW_MARK_ADVANCE);
	assert_true(f.watermark == 120 && f.seen == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records),
	    cmocka_unit_test(what_cannot_be),
	    cmocka_unit_test(a_late_mark),
	    cmocka_unit_test(the_base_covers_what_was_seen),
	    cmocka_unit_test(all_rules_hold),
	    cmocka_unit_test(from_the_first_offset),
	    cmocka_unit_test(no_rule_can_be_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
