/* L1: SIEVE against a naive model, bounds, TTL, as_of, threads, references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/cache/l1.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FOREVER INT64_MAX

static const char text[4096];

static struct value *value_of(version_t as_of, size_t len)
{
	return value_new(as_of ? as_of - 1 : 0, as_of, text, len);
}

static void put(struct l1 *l1, const char *id, version_t as_of, size_t len)
{
	struct value *v = value_of(as_of, len);
	l1_put(l1, id, strlen(id), v, FOREVER);
	value_unref(&v);
}

static void replace(struct l1 *l1, const char *id, version_t as_of)
{
	struct value *v = value_of(as_of, 10);
	l1_replace(l1, id, strlen(id), v, FOREVER);
	value_unref(&v);
}

enum { NOT_HELD = -1 };

/* The as_of of what is held for the key. */
static int64_t get_at(struct l1 *l1, const char *id, mono_us_t now)
{
	struct value *v = l1_get(l1, id, strlen(id), now);
	if (v == NULL)
		return NOT_HELD;
	int64_t as_of = (int64_t)v->as_of;
	value_unref(&v);
	return as_of;
}

static int64_t get(struct l1 *l1, const char *id)
{
	return get_at(l1, id, 0);
}

/* What an entry costs beyond its value and its key. */
static size_t overhead(void)
{
	struct l1 *l1 = l1_new(1 << 20, 0, 1);
	struct value *v = value_of(1, 0);
	l1_put(l1, "k", 1, v, FOREVER);
	size_t bytes = l1_stats(l1).bytes - value_cost(v) - 1;
	value_unref(&v);
	l1_free(&l1);
	return bytes;
}

static size_t cost_of(size_t doc, size_t id)
{
	struct value *v = value_of(1, doc);
	size_t cost = overhead() + value_cost(v) + id;
	value_unref(&v);
	return cost;
}

static void newer_only(void **state)
{
	(void)state;
	struct l1 *l1 = l1_new(1 << 20, 0, 4);
	assert_int_equal(get(l1, "a"), NOT_HELD);
	put(l1, "a", 10, 10);
	assert_int_equal(get(l1, "a"), 10);
	put(l1, "a", 9, 10); /* a slow fill */
	assert_int_equal(get(l1, "a"), 10);
	replace(l1, "a", 9);
	assert_int_equal(get(l1, "a"), 10);
	replace(l1, "a", 12);
	assert_int_equal(get(l1, "a"), 12);
	put(l1, "a", 14, 20);
	assert_int_equal(get(l1, "a"), 14);
	assert_int_equal(l1_stats(l1).entries, 1);
	l1_free(&l1);
	assert_null(l1);
	l1_free(&l1);
}

/* Every shard, and only what begins so. */
static void purges(void **state)
{
	(void)state;
	struct l1 *l1 = l1_new(1 << 20, 0, 8);
	char id[16];
	assert_int_equal(l1_purge(l1, "", 0), 0);
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof id, "%s/%d", i % 2 ? "a" : "ab", i);
		put(l1, id, 1, 10);
	}
	assert_int_equal(l1_purge(l1, "a/", 2), 100);
	assert_int_equal(l1_purge(l1, "a/", 2), 0);
	assert_int_equal(get(l1, "a/1"), NOT_HELD);
	assert_int_equal(get(l1, "ab/2"), 1);
	assert_int_equal(l1_stats(l1).entries, 100);
	assert_int_equal(l1_purge(l1, "ab/1990", 7), 0);
	put(l1, "a/1", 2, 10);
	assert_int_equal(l1_purge(l1, "", 0), 101);
	assert_int_equal(l1_stats(l1).entries, 0);
	assert_int_equal(l1_stats(l1).bytes, 0);
	assert_int_equal(l1_stats(l1).evictions, 0);
	l1_free(&l1);
}

/* It sees what a get would see, and does not keep it from being evicted. */
static void peeks(void **state)
{
	(void)state;
	struct l1 *l1 = l1_new(1 << 20, 2, 1);
	mono_us_t expires = 0;
	struct value *v = value_of(7, 10);
	assert_null(l1_peek(l1, "a", 1, 0, &expires));
	l1_put(l1, "a", 1, v, 100);
	value_unref(&v);
	v = l1_peek(l1, "a", 1, 99, &expires);
	assert_true(v && v->as_of == 7 && expires == 100);
	value_unref(&v);
	assert_null(l1_peek(l1, "a", 1, 100, &expires));
	assert_int_equal(l1_stats(l1).expirations, 0);
	put(l1, "b", 1, 10);
	put(l1, "c", 1, 10); /* the oldest without a visit goes */
	assert_int_equal(get_at(l1, "a", 0), NOT_HELD);
	l1_free(&l1);
}

/* A document, of a length that fits, that has not ended. */
static void samples(void **state)
{
	(void)state;
	char id[4];
	struct l1 *l1 = l1_new(1 << 20, 0, 4);
	assert_int_equal(l1_sample(l1, 0, id, sizeof id), 0);
	struct value *absent = value_new(0, 1, NULL, 0);
	l1_put(l1, "none", 4, absent, FOREVER);
	value_unref(&absent);
	assert_int_equal(l1_sample(l1, 0, id, sizeof id), 0);
	struct value *v = value_of(2, 10);
	l1_put(l1, "longer", 6, v, FOREVER);
	assert_int_equal(l1_sample(l1, 0, id, sizeof id), 0);
	const version_t as_of = 1;
	struct value *page = value_page_new("[]", 2, NULL, &as_of, 1);
	l1_put(l1, "page", 4, page, FOREVER);
	value_unref(&page);
	assert_int_equal(l1_sample(l1, 0, id, sizeof id), 0);
	l1_remove(l1, "page", 4);
	l1_remove(l1, "longer", 6);
	l1_remove(l1, "none", 4);
	l1_put(l1, "one", 3, v, 100);
	value_unref(&v);
	assert_int_equal(l1_sample(l1, 100, id, sizeof id), 0);
	assert_int_equal(l1_sample(l1, 99, id, sizeof id), 3);
	assert_memory_equal(id, "one", 3);
	l1_free(&l1);
}

static void replace_needs_a_holder(void **state)
{
	(void)state;
	struct l1 *l1 = l1_new(1 << 20, 0, 4);
	replace(l1, "a", 10);
	assert_int_equal(get(l1, "a"), NOT_HELD);
	put(l1, "a", 10, 10);
	l1_remove(l1, "a", 1);
	l1_remove(l1, "a", 1);
	replace(l1, "a", 11);
	assert_int_equal(get(l1, "a"), NOT_HELD);
	assert_int_equal(l1_stats(l1).entries, 0);
	assert_int_equal(l1_stats(l1).bytes, 0);
	l1_free(&l1);
}

static void ttl(void **state)
{
	(void)state;
	struct l1 *l1 = l1_new(1 << 20, 0, 4);
	struct value *v = value_of(10, 10);
	l1_put(l1, "a", 1, v, 100);
	assert_int_equal(get_at(l1, "a", 99), 10);
	assert_int_equal(get_at(l1, "a", 100), NOT_HELD);
	assert_int_equal(get_at(l1, "a", 99), NOT_HELD); /* is removed */
	assert_int_equal(l1_stats(l1).entries, 0);
	assert_int_equal(l1_stats(l1).expirations, 1);
	assert_int_equal(l1_stats(l1).evictions, 0);
	l1_put(l1, "a", 1, v, 100);
	l1_replace(l1, "a", 1, v, 200); /* a refresh renews the TTL */
	assert_int_equal(get_at(l1, "a", 199), 10);
	assert_int_equal(v->refs, 2);
	value_unref(&v);
	l1_free(&l1);
}

static void oversize(void **state)
{
	(void)state;
	size_t most = 1000;
	struct l1 *l1 = l1_new(2 * 8 * cost_of(most, 1), 0, 2);
	put(l1, "a", 10, most);
	put(l1, "b", 10, most + 1);
	assert_int_equal(get(l1, "a"), 10);
	assert_int_equal(get(l1, "b"), NOT_HELD);
	put(l1, "a", 9, most + 1); /* older: changes nothing */
	assert_int_equal(get(l1, "a"), 10);
	put(l1, "a", 11, most + 1); /* newer: the old one is dead */
	assert_int_equal(get(l1, "a"), NOT_HELD);
	assert_int_equal(l1_stats(l1).bytes, 0);
	l1_free(&l1);
}

static void held_elsewhere(void **state)
{
	(void)state;
	struct l1 *l1 = l1_new(1 << 20, 0, 1);
	struct value *v = value_of(10, 10);
	l1_put(l1, "a", 1, v, FOREVER);
	struct value *got = l1_get(l1, "a", 1, 0);
	assert_ptr_equal(got, v);
	assert_int_equal(v->refs, 3);
	l1_put(l1, "a", 1, v, FOREVER); /* itself */
	assert_int_equal(v->refs, 3);
	put(l1, "a", 11, 10);
	assert_int_equal(v->refs, 2);
	l1_put(l1, "b", 1, v, FOREVER);
	l1_free(&l1);
	assert_int_equal(v->refs, 2); /* outlives the cache */
	assert_int_equal(got->as_of, 10);
	value_unref(&got);
	assert_int_equal(v->refs, 1);
	value_unref(&v);
}

/* What was accounted is given back, whatever the value costs by then (its
 * response may be prepared later). */
static void cost_as_accounted(void **state)
{
	(void)state;
	struct l1 *l1 = l1_new(1 << 20, 0, 1);
	struct value *v = value_of(10, 10);
	l1_put(l1, "a", 1, v, FOREVER);
	uint64_t bytes = l1_stats(l1).bytes;
	v->len += 100;
	put(l1, "a", 11, 10);
	assert_int_equal(l1_stats(l1).bytes, bytes);
	l1_remove(l1, "a", 1);
	assert_int_equal(l1_stats(l1).bytes, 0);
	value_unref(&v);
	l1_free(&l1);
}

/* The figure of the paper in small: visited ones survive once, the hand stays
 * where it evicted, new ones are behind it. */
static void sieve_by_hand(void **state)
{
	(void)state;
	struct l1 *l1 = l1_new(1 << 20, 4, 1);
	put(l1, "a", 1, 10);
	put(l1, "b", 1, 10);
	put(l1, "c", 1, 10);
	put(l1, "d", 1, 10); /* queue, from the tail: a b c d */
	assert_int_equal(get(l1, "a"), 1);
	assert_int_equal(get(l1, "c"), 1);
	put(l1, "e", 1, 10); /* spares a, evicts b; the hand is at c */
	assert_int_equal(l1_stats(l1).evictions, 1);
	put(l1, "f", 1, 10); /* spares c, evicts d; the hand is at e */
	put(l1, "g", 1, 10); /* evicts e, though a and c are older */
	assert_int_equal(get(l1, "b"), NOT_HELD);
	assert_int_equal(get(l1, "d"), NOT_HELD);
	assert_int_equal(get(l1, "e"), NOT_HELD);
	assert_int_equal(get(l1, "f"), 1);
	assert_int_equal(get(l1, "g"), 1);
	put(l1, "h", 1, 10); /* spares f, g; round to the tail: evicts a */
	assert_int_equal(get(l1, "a"), NOT_HELD);
	assert_int_equal(get(l1, "c"), 1);
	assert_int_equal(l1_stats(l1).entries, 4);
	l1_free(&l1);
}

/* --- the naive model: an array in queue order, index 0 is the tail --- */

enum { KEYS = 60, OPERATIONS = 300000 };

struct item {
	int key;
	int64_t as_of;
	mono_us_t expires;
	size_t cost;
	bool visited;
};

struct model {
	struct item items[KEYS];
	size_t count;
	size_t hand; /* count: none, that is, the tail */
	size_t bytes;
	size_t max_bytes;
	size_t max_entries;
	uint64_t evictions;
	uint64_t expirations;
};

static size_t model_find(const struct model *m, int key)
{
	size_t i = 0;
	while (i < m->count && m->items[i].key != key)
		i++;
	return i;
}

static void model_remove(struct model *m, size_t i)
{
	bool no_hand = m->hand == m->count;
	m->bytes -= m->items[i].cost;
	m->count--;
	memmove(
	    &m->items[i], &m->items[i + 1], (m->count - i) * sizeof *m->items);
	if (no_hand)
		m->hand = m->count;
	else if (m->hand > i)
		m->hand--;
}

static void model_make_room(struct model *m, size_t bytes, size_t entries)
{
	while (m->bytes + bytes > m->max_bytes ||
	       m->count + entries > m->max_entries) {
		size_t i = m->hand < m->count ? m->hand : 0;
		while (m->items[i].visited) {
			m->items[i].visited = false;
			i = i + 1 < m->count ? i + 1 : 0;
		}
		m->hand = i;
		model_remove(m, i);
		m->evictions++;
	}
}

static void model_put(struct model *m, struct item item, bool insert)
{
	size_t i = model_find(m, item.key);
	bool fits = item.cost <= m->max_bytes / 8;
	if (i < m->count) {
		struct item *old = &m->items[i];
		if (old->as_of > item.as_of)
			return;
		if (!fits) {
			model_remove(m, i);
			return;
		}
		m->bytes += item.cost - old->cost;
		item.visited = old->visited;
		*old = item;
		model_make_room(m, 0, 0);
	} else if (insert && fits) {
		model_make_room(m, item.cost, 1);
		if (m->hand == m->count)
			m->hand++; /* still none */
		m->items[m->count++] = item;
		m->bytes += item.cost;
	}
}

static int64_t model_get(struct model *m, int key, mono_us_t now)
{
	size_t i = model_find(m, key);
	if (i == m->count)
		return NOT_HELD;
	if (m->items[i].expires <= now) {
		model_remove(m, i);
		m->expirations++;
		return NOT_HELD;
	}
	m->items[i].visited = true;
	return m->items[i].as_of;
}

/* --- random operations on both --- */

static uint64_t next_random(uint64_t *seed)
{
	*seed += 0x9e3779b97f4a7c15; /* splitmix64 */
	uint64_t z = *seed;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static int below(uint64_t *seed, int n)
{
	return (int)(next_random(seed) % (uint64_t)n);
}

static void write_both(struct l1 *l1, struct model *m, struct item item,
    const char *id, size_t doc, bool insert)
{
	struct value *v = value_of((version_t)item.as_of, doc);
	item.cost = overhead() + value_cost(v) + strlen(id);
	if (insert)
		l1_put(l1, id, strlen(id), v, item.expires);
	else
		l1_replace(l1, id, strlen(id), v, item.expires);
	value_unref(&v);
	model_put(m, item, insert);
}

static void operate(
    struct l1 *l1, struct model *m, uint64_t *seed, mono_us_t now)
{
	char id[64];
	/* Skewed, so that some are visited often. */
	int key = below(seed, 1 + below(seed, KEYS));
	snprintf(id, sizeof id, "products/%0*d", 1 + key % 40, key);
	struct item item = {.key = key,
	    .as_of = now / 4 + below(seed, 10),
	    .expires = now + below(seed, 2000)};
	size_t doc = (size_t)below(seed, below(seed, 8) ? 200 : 2000);
	int what = below(seed, 100);
	if (what < 60) {
		int64_t held = get_at(l1, id, now);
		assert_int_equal(held, model_get(m, key, now));
	} else if (what < 88) {
		write_both(l1, m, item, id, doc, true);
	} else if (what < 96) {
		write_both(l1, m, item, id, doc, false);
	} else {
		l1_remove(l1, id, strlen(id));
		if (model_find(m, key) < m->count)
			model_remove(m, model_find(m, key));
	}
}

static void run_model(uint64_t seed, size_t max_bytes, size_t max_entries)
{
	struct l1 *l1 = l1_new(max_bytes, max_entries, 1);
	struct model m = {.max_bytes = max_bytes,
	    .max_entries = max_entries ? max_entries : KEYS};
	for (mono_us_t now = 0; now < OPERATIONS; now++) {
		operate(l1, &m, &seed, now);
		struct l1_stats s = l1_stats(l1);
		assert_int_equal(s.entries, m.count);
		assert_int_equal(s.bytes, m.bytes);
		assert_int_equal(s.evictions, m.evictions);
		assert_int_equal(s.expirations, m.expirations);
		assert_true(s.bytes <= max_bytes);
	}
	assert_true(m.evictions > 1000 && m.expirations > 100);
	l1_free(&l1);
}

static void sieve_against_the_model(void **state)
{
	(void)state;
	const char *given = getenv("SEED");
	uint64_t seed =
	    given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	print_message("SEED=%llu\n", (unsigned long long)seed);
	run_model(seed, 10 * cost_of(400, 20), 0);
	run_model(seed + 1, 1 << 20, 12);
	run_model(seed + 2, 15 * cost_of(200, 20), 20);
}

/* Many keys: the tables grow, no chain loses one; shards share the bound. */
static void many(void **state)
{
	(void)state;
	enum { MANY = 20000 };
	size_t each = cost_of(10, 5);
	struct l1 *l1 = l1_new(4 * MANY * each, 0, 4);
	char id[8];
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "%05d", i);
		put(l1, id, (version_t)i, 10);
	}
	assert_int_equal(l1_stats(l1).entries, MANY);
	assert_int_equal(l1_stats(l1).bytes, MANY * each);
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "%05d", i);
		assert_int_equal(get(l1, id), i);
	}
	l1_free(&l1);
}

/* Two threads on few keys; a value that is got is whole, however it goes. */
struct hammer {
	struct l1 *l1;
	uint64_t seed;
	unsigned wrong;
};

static void *hammer(void *arg)
{
	struct hammer *h = arg;
	for (int64_t n = 1; n <= 100000; n++) {
		char id[8];
		int key = below(&h->seed, 64);
		snprintf(id, sizeof id, "%d", key);
		int what = below(&h->seed, 10);
		if (what == 0) {
			l1_remove(h->l1, id, strlen(id));
		} else if (what < 4) {
			put(h->l1, id, (version_t)n, (size_t)key);
		} else {
			struct value *v = l1_get(h->l1, id, strlen(id), 0);
			if (v && v->len != (size_t)key)
				h->wrong++;
			if (v)
				value_unref(&v);
		}
	}
	return NULL;
}

static void two_threads(void **state)
{
	(void)state;
	size_t max = 40 * cost_of(64, 2);
	struct l1 *l1 = l1_new(max, 0, 2);
	struct hammer a = {.l1 = l1, .seed = 1};
	struct hammer b = {.l1 = l1, .seed = 2};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, hammer, &a), 0);
	hammer(&b);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(a.wrong + b.wrong, 0);
	assert_true(l1_stats(l1).bytes <= max);
	assert_true(l1_stats(l1).evictions > 0);
	l1_free(&l1);
}

/* What is said to be the most that it holds is never less than it holds. */
static void most(void **state)
{
	(void)state;
	char id[16];
	struct l1 *l1 = l1_new(1 << 20, 0, 4);
	assert_int_equal(l1_stats(l1).most, 1 << 10);
	for (int i = 0; i < 20000; i++) {
		snprintf(id, sizeof id, "%d", i);
		put(l1, id, 1, (size_t)(i % 100));
		struct l1_stats s = l1_stats(l1);
		assert_true(s.most >= s.entries);
	}
	assert_true(l1_stats(l1).evictions > 0);
	assert_true(l1_stats(l1).most < 20000);
	l1_free(&l1);
	l1 = l1_new(1 << 20, 8, 4); /* at most so many entries, too */
	for (int i = 0; i < 100; i++) {
		snprintf(id, sizeof id, "%d", i);
		put(l1, id, 1, 10);
	}
	assert_int_equal(l1_stats(l1).most, 8);
	assert_true(l1_stats(l1).entries <= 8);
	l1_free(&l1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(newer_only),
	    cmocka_unit_test(replace_needs_a_holder),
	    cmocka_unit_test(purges),
	    cmocka_unit_test(peeks),
	    cmocka_unit_test(ttl),
	    cmocka_unit_test(oversize),
	    cmocka_unit_test(held_elsewhere),
	    cmocka_unit_test(samples),
	    cmocka_unit_test(cost_as_accounted),
	    cmocka_unit_test(sieve_by_hand),
	    cmocka_unit_test(sieve_against_the_model),
	    cmocka_unit_test(many),
	    cmocka_unit_test(two_threads),
	    cmocka_unit_test(most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
