/* What it costs to look at a document: the same for as many bytes, however
 * deep they lie, and nearly the same for as many names, whatever their hashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json/jsondup.h"
#include "common/json/jsonstring.h"
#include "common/schema/field.h"
#include "writer/decide/jsonmerge.h"

#include <string.h>
#include <time.h>

/* --- counted comparisons (the linker's --wrap) ---------------------------- */

uint64_t __wrap_jsonstring_hash(struct jsonslice string);
uint64_t __real_jsonstring_hash(struct jsonslice string);
int __wrap_jsonstring_compare(struct jsonslice a, struct jsonslice b);
int __real_jsonstring_compare(struct jsonslice a, struct jsonslice b);
bool __wrap_jsonstring_same(struct jsonslice a, struct jsonslice b);
bool __real_jsonstring_same(struct jsonslice a, struct jsonslice b);

static bool collide;
static size_t compared;

uint64_t __wrap_jsonstring_hash(struct jsonslice string)
{
	return collide ? 7 : __real_jsonstring_hash(string);
}

int __wrap_jsonstring_compare(struct jsonslice a, struct jsonslice b)
{
	compared++;
	return __real_jsonstring_compare(a, b);
}

bool __wrap_jsonstring_same(struct jsonslice a, struct jsonslice b)
{
	compared++;
	return __real_jsonstring_same(a, b);
}

/* --- equal hashes --------------------------------------------------------- */

enum { NAMES = 20000, FEW_TIMES = 20 * NAMES }; /* log2(NAMES) is 14.3 */

static void add_names(struct buf *out, size_t from, size_t to)
{
	buf_char(out, '{');
	for (size_t i = from; i < to; i++)
		buf_printf(out, "%s\"%zu\":1", i > from ? "," : "", i);
	buf_char(out, '}');
}

static struct jsonslice raw(const struct buf *b)
{
	struct jsonslice v;
	assert_true(jsonslice_scan(b->data, b->len, &v));
	return v;
}

static int start(void **state)
{
	(void)state;
	collide = true;
	compared = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	collide = false;
	return 0;
}

static void names_of_one_hash(void **state)
{
	(void)state;
	struct buf b = {0};
	add_names(&b, 0, NAMES);
	assert_null(jsondup_find(raw(&b)).s);
	assert_true(compared < FEW_TIMES);
	b.data[b.len - 1] = ',';
	buf_str(&b, "\"\\u0031\\u0030\":1}");
	struct jsonslice twice = jsondup_find(raw(&b));
	assert_non_null(twice.s);
	assert_memory_equal(twice.s, "\"\\u0031\\u0030\"", twice.len);
	buf_free(&b);
}

static void merges_of_one_hash(void **state)
{
	(void)state;
	struct buf was = {0}, by = {0}, out = {0}, want = {0};
	add_names(&was, 0, NAMES);
	add_names(&by, NAMES / 2, NAMES + NAMES / 2);
	add_names(&want, 0, NAMES + NAMES / 2);
	jsonmerge(&out, raw(&was), raw(&by));
	assert_string_equal(out.data, want.data);
	assert_true(compared < 3 * FEW_TIMES);
	buf_free(&was);
	buf_free(&by);
	buf_free(&out);
	buf_free(&want);
}

/* --- depth ---------------------------------------------------------------- */

enum { BYTES = 200000, DEPTH = 60, RUNS = 5 };

/* {"a":{"a":…[1,1,1,…]}}, or arrays of arrays. */
static void nest(struct buf *out, int depth, const char *open, char close)
{
	for (int i = 0; i < depth; i++)
		buf_str(out, open);
	buf_char(out, '[');
	while (out->len < BYTES)
		buf_str(out, "1,");
	buf_str(out, "1]");
	for (int i = 0; i < depth; i++)
		buf_char(out, close);
}

static clock_t spent(void (*work)(struct jsonslice v), struct jsonslice v)
{
	clock_t least = 0;
	for (int i = 0; i < RUNS; i++) {
		clock_t begin = clock();
		work(v);
		clock_t took = clock() - begin;
		least = i == 0 || took < least ? took : least;
	}
	return least;
}

static void find_twice(struct jsonslice v)
{
	assert_null(jsondup_find(v).s);
}

static void judge(struct jsonslice v)
{
	const struct field f = {
	    .type = *v.s == '{' ? FIELD_OBJECT : FIELD_ARRAY};
	assert_int_equal(field_faults(&f, v), 0);
}

/* Onto itself: every level of both is gone down. */
static void merge(struct jsonslice v)
{
	struct buf out = {0};
	jsonmerge(&out, v, v);
	assert_int_equal(out.len, v.len);
	buf_free(&out);
}

static void costs_as_flat(
    void (*work)(struct jsonslice v), const char *open, char close)
{
	struct buf flat = {0}, deep = {0};
	nest(&flat, 1, open, close);
	nest(&deep, DEPTH, open, close);
	clock_t once = spent(work, raw(&flat)), many = spent(work, raw(&deep));
	print_message("flat %ld us, deep %ld us\n", (long)once, (long)many);
	assert_true(many < 4 * once + CLOCKS_PER_SEC / 1000);
	buf_free(&flat);
	buf_free(&deep);
}

static void depth_costs_nothing(void **state)
{
	(void)state;
	costs_as_flat(find_twice, "{\"a\":", '}');
	costs_as_flat(find_twice, "[", ']');
	costs_as_flat(judge, "{\"a\":", '}');
	costs_as_flat(judge, "[", ']');
	costs_as_flat(merge, "{\"a\":", '}');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(names_of_one_hash, start, end),
	    cmocka_unit_test_setup_teardown(merges_of_one_hash, start, end),
	    cmocka_unit_test(depth_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
