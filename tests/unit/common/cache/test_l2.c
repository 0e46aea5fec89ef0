/* The names and bytes in Redis. They outlive the daemons: pinned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/cache/l2.h"

#include <stdlib.h>
#include <string.h>

static void is(struct buf *b, const char *text)
{
	assert_string_equal(b->data, text);
	buf_clear(b);
}

static void names(void **state)
{
	(void)state;
	struct buf b = {0};
	l2_watermark_key(&b, 3);
	is(&b, "sluice:{3}:watermark");
	l2_floors_key(&b, 0);
	is(&b, "sluice:{0}:floors");
	l2_cursor_key(&b, 1023);
	is(&b, "sluice:{1023}:cursor");
	l2_warmed_key(&b, 7);
	is(&b, "sluice:{7}:warmed");
	l2_entry_key(&b, 12, "records/a b/c", 13);
	is(&b, "sluice:{12}:records/a b/c");
	l2_entry_key(&b, 1, "records/foo", 10); /* obeys the length */
	is(&b, "sluice:{1}:records/fo");
	l2_entry_key(&b, 1, "records/\0x", 10);
	assert_int_equal(b.len, 21);
	assert_memory_equal(b.data, "sluice:{1}:records/\0x", 21);
	buf_free(&b);
}

/* Of exactly these bytes, so that the sanitizer sees a byte too far. */
static char *bytes_of(const char *text, size_t len)
{
	char *owned = malloc(len ? len : 1);
	assert_non_null(owned);
	memcpy(owned, text, len);
	return owned;
}

static bool watermark(const char *text, struct l2_watermark *out)
{
	char *value = bytes_of(text, strlen(text));
	bool ok = l2_watermark_parse(value, strlen(text), out);
	free(value);
	return ok;
}

#define GENERATION "0006123456789abc"
#define VERSION "0000000000000412"

static void watermarks(void **state)
{
	(void)state;
	struct l2_watermark w;
	assert_true(watermark(VERSION GENERATION, &w));
	assert_true(w.watermark == 0x412);
	assert_true(w.generation == 0x6123456789abc);
	static const char *const bad[] = {"", VERSION, VERSION "0",
	    VERSION GENERATION "0", VERSION "000612345678 abc",
	    "000000000000041g" GENERATION, VERSION "0006123456789ABC",
	    "ffffffffffffffff" GENERATION, VERSION GENERATION "=",
	    VERSION ";records=" GENERATION};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(watermark(bad[i], &w));
}

static bool cursor(const char *text, struct l2_cursor *out)
{
	char *value = bytes_of(text, strlen(text));
	bool ok = l2_cursor_parse(value, strlen(text), out);
	free(value);
	return ok;
}

#define TURN "7fffffffffffffff"

static void cursors(void **state)
{
	(void)state;
	struct buf b = {0};
	struct l2_cursor c;
	l2_cursor(&b, &(struct l2_cursor){7041, VERSION_MAX});
	is(&b, "7041 " TURN);
	buf_free(&b);
	assert_true(cursor("7041 " TURN, &c));
	assert_true(c.offset == 7041 && c.turn == VERSION_MAX);
	assert_true(cursor("0 0000000000000000", &c));
	assert_true(c.offset == 0 && c.turn == 0);
	static const char *const bad[] = {"", "7041", TURN, " " TURN,
	    "7041" TURN, "7041  " TURN, "-1 " TURN, "7041 " TURN "0",
	    "7041 ffffffffffffffff", "7041 000000000000041g"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(cursor(bad[i], &c));
}

static uint64_t generation(const char *text, const char *id)
{
	char *value = bytes_of(text, strlen(text));
	uint64_t g = l2_generation(value, strlen(text), id, strlen(id));
	free(value);
	return g;
}

/* A collection that was purged has its own. */
static void generations(void **state)
{
	(void)state;
	static const char both[] = VERSION GENERATION
	    ";records=0006123456789abd;posts=0006123456789abe";
	struct l2_watermark w;
	assert_true(watermark(both, &w));
	assert_true(w.watermark == 0x412 && w.generation == 0x6123456789abc);
	assert_true(
	    generation(VERSION GENERATION, "records/a") == 0x6123456789abc);
	assert_true(generation(both, "records/a") == 0x6123456789abd);
	assert_true(generation(both, "posts/a") == 0x6123456789abe);
	assert_true(generation(both, "records/posts/a") == 0x6123456789abd);
	static const char *const others[] = {"record/a", "recordss/a",
	    "ecords/a", "cords/a", "ords/a", "a/records", "/a"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_true(generation(both, others[i]) == 0x6123456789abc);
}

static void payloads(void **state)
{
	(void)state;
	struct buf b = {0};
	l2_payload(
	    &b, &(struct l2_entry){
		    .present = true, .version = 0x412, .doc = "{}", .len = 2});
	is(&b, "P" VERSION "{}");
	l2_payload(&b, &(struct l2_entry){.version = 0});
	is(&b, "A0000000000000000");
	l2_payload(&b, &(struct l2_entry){.present = true, .doc = "x"});
	is(&b, "P0000000000000000");
	buf_free(&b);
}

static bool entry(const char *text, size_t len, struct l2_entry *out)
{
	char *value = bytes_of(text, len);
	bool ok = l2_entry_parse(value, len, 0x6123456789abc, out);
	if (ok) {
		assert_ptr_equal(out->doc, value + 33);
		out->doc = out->len ? text + 33 : "";
	}
	free(value);
	return ok;
}

/* What the scripts make of a payload, generation before it, is read back. */
static void entries(void **state)
{
	(void)state;
	static const struct l2_entry table[] = {
	    {true, 0x412, "{\"key\":\"k\"}", 11},
	    {true, VERSION_MAX, "{}", 2},
	    {true, 0, "{a\0b}", 5},
	    {false, 0, "", 0},
	    {false, 7, "", 0},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct l2_entry got;
		struct buf b = {0};
		buf_str(&b, GENERATION);
		l2_payload(&b, &table[i]);
		assert_true(entry(b.data, b.len, &got));
		assert_int_equal(got.present, table[i].present);
		assert_true(got.version == table[i].version);
		assert_int_equal(got.len, table[i].len);
		assert_memory_equal(got.doc, table[i].doc, got.len);
		buf_free(&b);
	}
}

static void no_entries(void **state)
{
	(void)state;
	static const char *const table[] = {
	    "0006123456789abdP" VERSION "{}", /* a later generation */
	    "0006123456789abbP" VERSION "{}", /* a former one */
	    "0000000000000000P" VERSION "{}",
	    GENERATION "X" VERSION "{}",
	    GENERATION "P" VERSION,
	    GENERATION "P" VERSION "{",
	    GENERATION "P" VERSION "x}",
	    GENERATION "p" VERSION "{}",
	    GENERATION " " VERSION "{}",
	    GENERATION "P000000000000041g{}",
	    GENERATION "Pffffffffffffffff{}",
	    "0006123456789ABCP" VERSION "{}",
	    "P" VERSION "{}",
	};
	struct l2_entry got;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_false(entry(table[i], strlen(table[i]), &got));
	static const char whole[] = GENERATION "P" VERSION "{}";
	for (size_t n = 0; n < sizeof whole - 1; n++)
		assert_false(entry(whole, n, &got));
	assert_true(entry(whole, sizeof whole - 1, &got));
}

static void scripts(void **state)
{
	(void)state;
	assert_int_equal(l2_bucket(0), 0);
	assert_int_equal(l2_bucket(4095), 4095);
	assert_int_equal(l2_bucket(4096), 0);
	assert_int_equal(l2_bucket(UINT32_MAX), 4095);
	for (int i = 0; i < L2_SCRIPTS; i++) {
		assert_non_null(l2_scripts[i].name);
		assert_non_null(strstr(l2_scripts[i].text, "KEYS[1]"));
		/* Without the comments that the files have. */
		assert_null(strstr(l2_scripts[i].shared, "--"));
		assert_null(strstr(l2_scripts[i].text, "--"));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
			    l2_scripts[i].name, l2_scripts[k].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(watermarks),
	    cmocka_unit_test(cursors),
	    cmocka_unit_test(generations),
	    cmocka_unit_test(payloads),
	    cmocka_unit_test(entries),
	    cmocka_unit_test(no_entries),
	    cmocka_unit_test(scripts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
