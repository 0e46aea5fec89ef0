/* Faults, patches and increments of documents; no number loses a digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "writer/decide/document.h"

#include "tests/unit/declared.h"

#include <string.h>

static void faults(void **state)
{
	(void)state;
	static const struct {
		enum record_op op;
		const char *body, *fault;
	} table[] = {
	    {RECORD_PUT, "{\"count\":1}", ""},
	    {RECORD_PUT, "{\"count\":1,\"amount\":null,\"x\":[1]}", ""},
	    {RECORD_PUT, "{\"c\\u006funt\":1}", ""},
	    {RECORD_PUT, "{}", "count is required"},
	    {RECORD_PUT, "{\"count\":null}",
		"count is required and must not be null"},
	    {RECORD_PUT, "{\"count\":1.0}", ""},
	    {RECORD_PUT, "{\"count\":1.5}", "count must be a 64-bit integer"},
	    {RECORD_PUT, "{\"count\":9223372036854775808}",
		"count must be a 64-bit integer"},
	    {RECORD_PUT, "{\"count\":\"1\"}", "count must be a 64-bit integer"},
	    {RECORD_PUT, "{\"count\":1,\"amount\":1e200000}",
		"amount has a number with more than 1000 digits before or "
		"after the decimal point"},
	    {RECORD_PATCH, "{}", ""},
	    {RECORD_PATCH, "{\"amount\":null}", ""},
	    {RECORD_PATCH, "{\"count\":null}",
		"count is required and must not be null"},
	    {RECORD_PATCH, "{\"amount\":{}}", "amount must be a number"},
	    {RECORD_INCREMENT, "{\"count\":-1,\"amount\":0.5}", ""},
	    {RECORD_INCREMENT, "{\"amount\":null}", "amount must be a number"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char fault[DOCUMENT_FAULT_LEN];
		struct jsonslice object;
		assert_true(jsonslice_scan(
		    table[i].body, strlen(table[i].body), &object));
		document_fault(
		    declared("counters"), table[i].op, object, fault);
		assert_string_equal(fault, table[i].fault);
	}
}

static struct jsonslice raw(const char *s)
{
	struct jsonslice v;
	assert_true(jsonslice_scan(s, strlen(s), &v));
	return v;
}

static void changes(void **state)
{
	(void)state;
	static const struct {
		enum record_op op;
		const char *before, *body, *after;
	} table[] = {
	    {RECORD_PATCH, "{\"count\":1,\"amount\":2}", "{\"amount\":null}",
		"{\"count\":1}"},
	    {RECORD_PATCH, "{\"count\":1}", "{\"amount\":1.50,\"key\":\"k\"}",
		"{\"count\":1,\"amount\":1.50}"},
	    {RECORD_PATCH, "{\"count\":1}", "{}", "{\"count\":1}"},
	    {RECORD_PATCH, "{\"key\":\"k\",\"count\":1,\"count\":2}",
		"{\"count\":3,\"count\":4}", "{\"count\":4}"},
	    {RECORD_INCREMENT, "{\"count\":9223372036854775806}",
		"{\"count\":1}", "{\"count\":9223372036854775807}"},
	    {RECORD_INCREMENT, "{\"count\":-9223372036854775808}",
		"{\"count\":-1}", NULL},
	    {RECORD_INCREMENT, "{\"count\":9223372036854775807}",
		"{\"amount\":1,\"count\":1}", NULL},
	    {RECORD_INCREMENT, "{\"count\":1,\"amount\":null}",
		"{\"amount\":0.10}", "{\"count\":1,\"amount\":0.10}"},
	    {RECORD_INCREMENT,
		"{\"count\":1,\"amount\":12345678901234567890.1}",
		"{\"amount\":0.00000000000000000001}",
		"{\"count\":1,\"amount\":"
		"12345678901234567890.10000000000000000001}"},
	};
	const struct collection *c = declared("counters");
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct arena arena = {0};
		struct document d;
		document_read(c, raw(table[i].before), &d);
		bool fits = true;
		if (table[i].op == RECORD_PATCH)
			document_patch(c, &d, raw(table[i].body), &arena);
		else
			fits = document_increment(
			    c, &d, raw(table[i].body), &arena);
		assert_int_equal(fits, table[i].after != NULL);
		const char *want = fits ? table[i].after : table[i].before;
		assert_string_equal(document_write(c, &d, &arena).s, want);
		arena_free(&arena);
	}
}

/* What the table's constraints say, and its columns do not. */
static void broken(void **state)
{
	(void)state;
	static const struct {
		const char *body, *name;
	} table[] = {
	    {"{\"whole\":-5,\"part\":1e20,\"step\":0.10,\"code\":\"AB-1\"}",
		""},
	    {"{\"whole\":-6}", "samples_whole_minimum"},
	    {"{\"whole\":-6,\"whole\":-5}", ""},
	    {"{\"part\":0.0}", "samples_part_exclusive_minimum"},
	    {"{\"part\":100000000000000000000.1}", "samples_part_maximum"},
	    {"{\"step\":2}", "samples_step_enum"},
	    {"{\"mood\":\"bad\"}", "samples_mood_enum"},
	    {"{\"mood\":\"s\\u006f-so\"}", ""},
	    {"{\"mood\":null}", ""},
	    {"{\"code\":\"A-1\"}", "samples_code_min_length"},
	    {"{\"code\":\"AB-12345678\"}", "samples_code_max_length"},
	    /* Only the API knows of these. */
	    {"{\"code\":\"abcd\",\"mail\":\"x\",\"link\":\"x\"}", ""},
	    /* Of several, the one that Postgres names. */
	    {"{\"whole\":-6,\"part\":0,\"step\":2}",
		"samples_part_exclusive_minimum"},
	};
	const struct collection *c = declared("samples");
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char name[SQL_TABLE_NAME_LEN];
		struct document d;
		document_read(c, raw(table[i].body), &d);
		assert_int_equal(document_breaks(c, &d, NULL, name),
		    table[i].name[0] != '\0');
		assert_string_equal(name, table[i].name);
		/* Of what was there before the table is not asked again. */
		assert_false(document_breaks(c, &d, &d, name));
	}
}

/* Null, where a field has a default and may be null, is not the default. */
static void null_is_no_default(void **state)
{
	(void)state;
	struct field fields[] = {{.name = "n",
	    .type = FIELD_INTEGER,
	    .column = COLUMN_BIGINT,
	    .nullable = true,
	    .otherwise = {"7", 1}}};
	const struct collection c = {
	    .name = "c", .key_name = "k", .fields = fields, .nfields = 1};
	struct arena arena = {0};
	struct document d;
	document_read(&c, raw("{\"n\":1}"), &d);
	document_patch(&c, &d, raw("{\"n\":null}"), &arena);
	struct jsonslice text = document_write(&c, &d, &arena);
	document_read(&c, text, &d);
	assert_null(d.values[0].s);
	arena_free(&arena);
}

/* A sum that the column cannot hold changes nothing. */
static void small_integers(void **state)
{
	(void)state;
	struct field fields[] = {{.name = "n",
	    .type = FIELD_INTEGER,
	    .format = FORMAT_INT16,
	    .column = COLUMN_SMALLINT}};
	const struct collection c = {
	    .name = "c", .key_name = "k", .fields = fields, .nfields = 1};
	struct arena arena = {0};
	struct document d;
	document_read(&c, raw("{\"n\":32766}"), &d);
	assert_true(document_increment(&c, &d, raw("{\"n\":1}"), &arena));
	assert_false(document_increment(&c, &d, raw("{\"n\":1}"), &arena));
	assert_int_equal(d.values[0].len, 5);
	assert_memory_equal(d.values[0].s, "32767", 5);
	arena_free(&arena);
}

/* A row's document has them as strings, and a write either. */
static void numbers_as_strings(void **state)
{
	(void)state;
	struct field fields[] = {{.name = "n",
	    .type = FIELD_NUMBER,
	    .column = COLUMN_NUMERIC,
	    .json_string = true,
	    .otherwise = {"\"5\"", 3}}};
	const struct collection c = {
	    .name = "c", .key_name = "k", .fields = fields, .nfields = 1};
	struct arena arena = {0};
	struct document d;
	char fault[DOCUMENT_FAULT_LEN];
	document_fault(&c, RECORD_INCREMENT, raw("{\"n\":\"x\"}"), fault);
	assert_string_equal(
	    fault, "n must be a number, as a string or a number");
	document_fault(&c, RECORD_INCREMENT, raw("{\"n\":\"0.5\"}"), fault);
	assert_string_equal(fault, "");
	document_read(&c, raw("{\"n\":\"1.50\"}"), &d);
	assert_true(document_increment(&c, &d, raw("{\"n\":\"0.5\"}"), &arena));
	assert_true(document_increment(&c, &d, raw("{\"n\":1}"), &arena));
	assert_string_equal(document_write(&c, &d, &arena).s, "{\"n\":3.00}");
	document_patch(&c, &d, raw("{\"n\":\"7\"}"), &arena);
	assert_string_equal(document_write(&c, &d, &arena).s, "{\"n\":7}");
	document_patch(&c, &d, raw("{\"n\":null}"), &arena);
	assert_string_equal(document_write(&c, &d, &arena).s, "{\"n\":5}");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(broken),
	    cmocka_unit_test(null_is_no_default),
	    cmocka_unit_test(small_integers),
	    cmocka_unit_test(numbers_as_strings),
	    cmocka_unit_test(faults),
	    cmocka_unit_test(changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
