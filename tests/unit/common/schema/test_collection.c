/* The declared collections: loaded from files, found by name, in the form that
 * SQL and routes count on; and what keys look like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/schema/collection.h"
#include "common/schema/collections_load.h"
#include "common/sql/sql_relation.h"
#include "tests/unit/declared.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void found(void **state)
{
	(void)state;
	const struct collection *c = declared("records");
	assert_string_equal(c->name, "records");
	assert_int_equal(c->key, KEY_STRING);
	assert_string_equal(c->key_name, "key");
	assert_int_equal(c->nfields, 1);
	assert_string_equal(c->fields[0].name, "value");
	assert_true(c->fields[0].required);
	assert_int_equal(c->fields[0].type, FIELD_STRING);
	assert_false(c->refresh); /* the seed deletes on commit */
	assert_ptr_equal(collection_find("records/x", 7), c);
	static const char *const none[] = {
	    "", "record", "recordsx", "Records", "_mark"};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_null(collection_find(none[i], strlen(none[i])));
	assert_null(collection_find("records\0", 8));
}

static void by_name(void **state)
{
	(void)state;
	declared("records");
	const struct collection *c;
	size_t n = 0;
	for (; (c = collection_at(n)); n++) {
		assert_int_equal(c->index, n);
		assert_ptr_equal(collection_find(c->name, strlen(c->name)), c);
		assert_true(c->shape != 0);
		if (n)
			assert_true(
			    strcmp(collection_at(n - 1)->name, c->name) < 0);
	}
	assert_true(n >= 4);
	assert_null(collection_at(n + 1));
	assert_null(collection_at(SIZE_MAX));
}

static void shipped(void **state)
{
	(void)state;
	const struct collection *c = declared("products");
	assert_int_equal(c->key, KEY_INTEGER);
	assert_string_equal(c->key_name, "id");
	assert_true(c->refresh);
	assert_int_equal(c->l2_ttl, CLOCK_S(600));
	assert_int_equal(c->nfields, 5);
	const struct field *price = &c->fields[2];
	assert_string_equal(price->name, "price");
	assert_int_equal(price->column, COLUMN_NUMERIC);
	assert_memory_equal(price->exclusive_minimum.s, "0", 1);
	assert_memory_equal(c->fields[4].otherwise.s, "0", 1);
	assert_true(c->fields[1].nullable);
	/* The key first, then as filter and order name them. */
	assert_int_equal(c->ncolumns, 6);
	assert_string_equal(c->columns[0].name, "id");
	assert_int_equal(c->columns[0].column, COLUMN_BIGINT);
	assert_string_equal(c->columns[2].name, "category");
	assert_true(c->columns[2].filter);
	assert_false(c->columns[2].order);
	assert_ptr_equal(c->columns[2].field, &c->fields[3]);
	assert_string_equal(c->columns[5].name, "created_at");
	assert_null(c->columns[5].field);
	assert_ptr_equal(c->order, &c->columns[0]);
	assert_int_equal(c->default_limit, 100);
	assert_int_equal(c->max_limit, 1000);
}

static void keys(void **state)
{
	(void)state;
	static const struct {
		enum key_type type;
		const char *key;
		bool valid;
	} table[] = {
	    {KEY_STRING, "007", true},
	    {KEY_STRING, "", false},
	    {KEY_STRING, "\xff", false},
	    {KEY_INTEGER, "0", true},
	    {KEY_INTEGER, "7", true},
	    {KEY_INTEGER, "-7", true},
	    {KEY_INTEGER, "9223372036854775807", true},
	    {KEY_INTEGER, "-9223372036854775808", true},
	    {KEY_INTEGER, "9223372036854775808", false},
	    {KEY_INTEGER, "-9223372036854775809", false},
	    {KEY_INTEGER, "99999999999999999999999999", false},
	    {KEY_INTEGER, "007", false},
	    {KEY_INTEGER, "+7", false},
	    {KEY_INTEGER, "-0", false},
	    {KEY_INTEGER, "7.0", false},
	    {KEY_INTEGER, " 7", false},
	    {KEY_INTEGER, "7 ", false},
	    {KEY_INTEGER, "7e0", false},
	    {KEY_INTEGER, "0x7", false},
	    {KEY_INTEGER, "", false},
	    {KEY_UUIDV7, "018f3f6e-8c2a-7b3c-9d4e-5f60718293a4", true},
	    {KEY_UUIDV7, "018F3f6e-8c2a-7b3c-9d4e-5f60718293a4", false},
	    {KEY_UUIDV7, "018f3f6e8c2a7b3c9d4e5f60718293a4", false},
	    {KEY_UUIDV7, "018f3f6e-8c2a-7b3c-9d4e-5f60718293a", false},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct collection c = {.key = table[i].type};
		bool valid = collection_key_valid(
		    &c, table[i].key, strlen(table[i].key));
		if (valid != table[i].valid)
			fail_msg("'%s'", table[i].key);
	}
	struct collection c = {.key = KEY_INTEGER};
	assert_false(collection_key_valid(&c, "7\0", 2));
	assert_int_equal(key_column(&c), COLUMN_BIGINT);
	c.key_format = FORMAT_INT32;
	assert_int_equal(key_column(&c), COLUMN_INTEGER);
	assert_true(collection_key_valid(&c, "2147483647", 10));
	assert_false(collection_key_valid(&c, "2147483648", 10));
	c.key_format = FORMAT_INT16;
	assert_int_equal(key_column(&c), COLUMN_SMALLINT);
	assert_true(collection_key_valid(&c, "-32768", 6));
	assert_false(collection_key_valid(&c, "-32769", 6));
}

/* --- files --------------------------------------------------------------- */

static char folder[64];

static void put(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void drop(const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	unlink(path);
}

/* As a daemon does at its start. */
static struct err load(const char *paths)
{
	struct err e = collections_load(paths);
	return e.kind == ERR_KIND_OK ? sql_relation_check_loaded() : e;
}

static void refused(const char *paths, const char *why)
{
	struct err e = load(paths);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	if (strstr(e.msg, why) == NULL)
		fail_msg("'%s' does not say '%s'", e.msg, why);
}

#define GOOD(name)                                                             \
	"{\"name\":\"" name "\",\"key\":{\"type\":\"string\"},"                \
	"\"fields\":{\"a\":{\"type\":\"string\",\"nullable\":true}}}"

#define LISTED(name, key, field)                                               \
	"{\"name\":\"" name "\",\"key\":{\"type\":\"" key "\"},"               \
	"\"fields\":{\"" field "\":{\"type\":\"boolean\",\"default\":true}},"  \
	"\"list\":{\"filter\":[\"" field "\"]}}"

static void keep(void *arg, struct err e)
{
	struct buf *said = arg;
	buf_printf(said, "%s\n", strrchr(e.msg, '/') + 1);
}

/* The faults of all files, in the order of their names. */
static void all_at_once(void **state)
{
	(void)state;
	struct buf said = {0};
	snprintf(folder, sizeof folder, "/tmp/test_collection.XXXXXX");
	assert_non_null(mkdtemp(folder));
	put("a.json", "{\"name\":\"a\",\"key\":1,\"fields\":[]}");
	put("b.json", GOOD("b"));
	put("c.json", "[");
	struct err e = collections_load_all(folder, keep, &said);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	assert_non_null(strstr(e.msg, "a.json: /key: must be an object"));
	assert_non_null(strstr(said.data, "key: must be an object\n"));
	assert_non_null(strstr(said.data, "fields: must be an object\n"));
	assert_non_null(strstr(said.data, "c.json: line 1, column 2"));
	drop("a.json");
	drop("c.json");
	assert_int_equal(
	    collections_load_all(folder, keep, &said).kind, ERR_KIND_OK);
	drop("b.json");
	rmdir(folder);
	buf_free(&said);
}

/* What two collections would give one name in the database. */
static void relations(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/test_collection.XXXXXX");
	assert_non_null(mkdtemp(folder));
	put("a.json", LISTED("a", "integer", "b_c"));
	put("a_b.json", LISTED("a_b", "integer", "c"));
	refused(folder, "a and a_b: both need ");
	refused(folder, "with the name a_b_c_list in the database");
	put("a_b.json", LISTED("a_b", "integer", "d"));
	assert_int_equal(load(folder).kind, ERR_KIND_OK);
	drop("a_b.json");
	put("a_key_seq.json", GOOD("a_key_seq"));
	refused(folder, "a and a_key_seq: both need ");
	put("a.json", LISTED("a", "string", "b_c"));
	assert_int_equal(load(folder).kind, ERR_KIND_OK);
	drop("a_key_seq.json");
	drop("a.json");
	assert_int_equal(rmdir(folder), 0);
	collections_unload();
}

#define REFERS(name, to)                                                       \
	"{\"name\":\"" name "\",\"key\":{\"type\":\"integer\"},\"fields\":{"   \
	"\"f\":{\"type\":\"integer\",\"nullable\":true}},\"references\":"      \
	"{\"f\":\"" to "\"}}"

static void references(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/test_collection.XXXXXX");
	assert_non_null(mkdtemp(folder));
	put("a.json", REFERS("a", "b"));
	refused(folder, "a: /references/f: there is no collection b");
	put("b.json", GOOD("b")); /* its key is a string */
	refused(folder, "/references/f: the field is bigint, and the key of b "
			"is text");
	put("b.json",
	    "{\"name\":\"b\",\"key\":{\"type\":\"integer\"},\"fields\":{"
	    "\"f\":{\"type\":\"string\",\"format\":\"date-time\","
	    "\"nullable\":true}},\"expires\":\"f\"}");
	refused(folder, "/references/f: the documents of b expire");
	/* In a circle, and to itself. */
	put("b.json", REFERS("b", "c"));
	put("c.json", REFERS("c", "c"));
	assert_int_equal(load(folder).kind, ERR_KIND_OK);
	drop("a.json");
	drop("b.json");
	drop("c.json");
	assert_int_equal(rmdir(folder), 0);
	collections_unload();
}

static void files(void **state)
{
	(void)state;
	char paths[256];
	snprintf(folder, sizeof folder, "/tmp/test_collection.XXXXXX");
	assert_non_null(mkdtemp(folder));
	refused(folder, "no declarations");
	refused("/nowhere/at/all", "/nowhere/at/all: No such file");
	put("one.json", GOOD("one"));
	put(".hidden.json", "x");
	put("note.txt", "x");
	assert_int_equal(collections_load(folder).kind, ERR_KIND_OK);
	assert_string_equal(collection_at(0)->name, "one");
	assert_null(collection_at(1));
	/* A file of its own beside a folder; empty parts are nothing. */
	put("note.txt", GOOD("note"));
	snprintf(paths, sizeof paths, ":%s/one.json::%s:", folder, folder);
	refused(paths, "another file declares it already");
	put("two.json", "{");
	refused(folder, "two.json: line 1, column 2: ends too early");
	/* What was loaded before is still there. */
	assert_string_equal(collection_at(0)->name, "one");
	put("two.json", GOOD("three"));
	refused(folder, "two.json: /name: the file of three is called");
	drop("two.json");
	put("three.json", GOOD("three"));
	assert_int_equal(collections_load(folder).kind, ERR_KIND_OK);
	assert_string_equal(collection_at(1)->name, "three");
	drop("one.json");
	drop("three.json");
	drop("note.txt");
	drop(".hidden.json");
	assert_int_equal(rmdir(folder), 0);
	collections_unload();
	assert_null(collection_at(0));
}

static struct collections_diff *look(void)
{
	struct collections_diff *diff;
	struct err e = collections_compare(folder, &diff);
	assert_int_equal(e.kind, ERR_KIND_OK);
	return diff;
}

static void not_looked_at(const char *why)
{
	struct collections_diff *diff;
	struct err e = collections_compare(folder, &diff);
	assert_int_equal(e.kind, ERR_KIND_FATAL);
	if (strstr(e.msg, why) == NULL)
		fail_msg("'%s' does not say '%s'", e.msg, why);
	collections_diff_free(&diff);
}

static void drop_all(const char *names)
{
	char name[] = "x.json";
	for (; *names; names++) {
		name[0] = *names;
		drop(name);
	}
	assert_int_equal(rmdir(folder), 0);
	collections_unload();
}

static void begin_with_two(void)
{
	snprintf(folder, sizeof folder, "/tmp/test_collection.XXXXXX");
	assert_non_null(mkdtemp(folder));
	put("b.json", GOOD("b"));
	put("d.json", GOOD("d"));
	assert_int_equal(load(folder).kind, ERR_KIND_OK);
}

/* What is in use stays, whatever the files have become. */
static void looked_at(void **state)
{
	(void)state;
	begin_with_two();
	struct collections_diff *diff = look();
	assert_int_equal(collections_diff_count(diff), 0);
	assert_int_equal(collections_diff_change(diff, 0), COLLECTION_SAME);
	assert_null(collections_diff_at(diff, 2));
	collections_diff_free(&diff);
	put("b.json", "{");
	not_looked_at("b.json: line 1, column 2: ends too early");
	put("b.json", LISTED("b", "string", "f"));
	drop("d.json");
	diff = look();
	assert_int_equal(collections_diff_change(diff, 0), COLLECTION_RESHAPED);
	assert_int_equal(collections_diff_change(diff, 1), COLLECTION_GONE);
	collections_diff_free(&diff);
	/* A description is no part of the shape. */
	put("b.json",
	    "{\"name\":\"b\",\"description\":\"x\",\"key\":{\"type\":"
	    "\"string\"},"
	    "\"fields\":{\"a\":{\"type\":\"string\",\"nullable\":true}}}");
	diff = look();
	assert_int_equal(collections_diff_change(diff, 0), COLLECTION_CHANGED);
	collections_add(diff);
	collections_diff_free(&diff);
	assert_string_equal(collection_at(1)->name, "d");
	assert_null(collection_at(0)->description.s);
	drop_all("b");
}

/* They come behind the others, whose pointers and indexes stay. */
static void added(void **state)
{
	(void)state;
	begin_with_two();
	const struct collection *b = collection_at(0);
	put("a.json", REFERS("a", "c"));
	put("c.json", "{\"name\":\"c\",\"key\":{\"type\":\"integer\"},"
		      "\"fields\":{\"f\":{\"type\":\"string\","
		      "\"nullable\":true}}}");
	struct collections_diff *diff = look();
	assert_int_equal(collections_diff_count(diff), 2);
	assert_string_equal(collections_diff_at(diff, 1)->name, "d");
	assert_string_equal(collections_diff_at(diff, 2)->name, "a");
	assert_int_equal(collections_diff_at(diff, 2)->index, 2);
	assert_null(collections_diff_at(diff, 4));
	assert_null(collection_find("a", 1)); /* not yet */
	collections_add(diff);
	collections_diff_free(&diff);
	assert_ptr_equal(collection_find("b", 1), b);
	assert_ptr_equal(collection_find("c", 1), collection_at(3));
	assert_int_equal(collection_at(3)->index, 3);
	assert_null(collection_at(4));
	/* Once more: they are not new any more. */
	diff = look();
	assert_int_equal(collections_diff_count(diff), 0);
	collections_diff_free(&diff);
	drop_all("abcd");
}

/* The declaration in use counts, and not its file. */
static void added_refers_to_one_in_use(void **state)
{
	(void)state;
	begin_with_two();
	put("b.json", "{\"name\":\"b\",\"key\":{\"type\":\"integer\"},"
		      "\"fields\":{\"f\":{\"type\":\"string\","
		      "\"nullable\":true}}}");
	put("a.json", REFERS("a", "b"));
	not_looked_at("a: /references/f: the field is bigint, and the key of "
		      "b is text");
	assert_null(collection_at(2));
	drop_all("abd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(found),
	    cmocka_unit_test(by_name),
	    cmocka_unit_test(shipped),
	    cmocka_unit_test(keys),
	    cmocka_unit_test(references),
	    cmocka_unit_test(files),
	    cmocka_unit_test(all_at_once),
	    cmocka_unit_test(relations),
	    cmocka_unit_test(looked_at),
	    cmocka_unit_test(added),
	    cmocka_unit_test(added_refers_to_one_in_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
