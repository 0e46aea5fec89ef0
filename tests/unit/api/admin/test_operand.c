/* What a purge or an inspection is about, from the segments of a path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/admin/operand.h"
#include "tests/unit/declared.h"

#include <string.h>

enum { PARTITIONS = 4 };

/* Of `/name/key`; what is empty is left out. */
static enum operand_fault take(struct operand *o, char *name, char *key)
{
	const struct path_segment n = {.text = name, .len = strlen(name)};
	const struct path_segment k = {.text = key, .len = strlen(key)};
	return operand_take(o, *name ? &n : NULL, *key ? &k : NULL, PARTITIONS);
}

static void all_a_collection_a_key(void **state)
{
	(void)state;
	struct operand o;
	declared("posts");
	assert_int_equal(take(&o, "", ""), OPERAND_OK);
	assert_null(o.collection);
	assert_string_equal(o.id, "");
	operand_free(&o);
	assert_int_equal(take(&o, "records", ""), OPERAND_OK);
	assert_string_equal(o.collection->name, "records");
	assert_string_equal(o.id, "records/");
	assert_null(o.key);
	operand_free(&o);
	assert_int_equal(take(&o, "records", "a/b"), OPERAND_OK);
	assert_string_equal(o.id, "records/a/b");
	assert_int_equal(o.id_len, 11);
	assert_string_equal(o.key, "a/b");
	assert_int_equal(o.key_len, 3);
	assert_int_equal(o.slot.partition,
	    keyspace_slot("records/a/b", 11, PARTITIONS).partition);
	operand_free(&o);
	assert_null(o.id);
}

static void what_is_none(void **state)
{
	(void)state;
	struct operand o;
	declared("posts");
	assert_int_equal(take(&o, "nothing", ""), OPERAND_NO_COLLECTION);
	assert_int_equal(operand_problem(OPERAND_NO_COLLECTION),
	    PROBLEM_COLLECTION_NOT_FOUND);
	assert_int_equal(take(&o, "posts", "one"), OPERAND_NO_KEY);
	assert_int_equal(operand_problem(OPERAND_NO_KEY), PROBLEM_NOT_FOUND);
	assert_null(o.id);
	assert_true(*operand_fault_text(OPERAND_NO_KEY));
	assert_true(*operand_fault_text(OPERAND_NO_COLLECTION));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_a_collection_a_key),
	    cmocka_unit_test(what_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
