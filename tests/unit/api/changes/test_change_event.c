/* The events of a change feed, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/changes/change_event.h"
#include "common/schema/declare.h"
#include "tests/unit/declared.h"

static const struct record_commit put = {
    .op = RECORD_PUT,
    .id = "records/a \"key\"/x",
    .id_len = 17,
    .doc = "{\"value\":1}",
    .doc_len = 11,
    .version = UINT64_MAX,
};

static void is_event(const struct record_commit *commit, const char *want)
{
	struct buf out = {0};
	change_event_commit(&out, declared("records"), commit);
	assert_string_equal(out.data, want);
	buf_free(&out);
}

/* The key is what stands behind the collection, as a JSON string. */
static void a_put_has_the_document(void **state)
{
	(void)state;
	is_event(&put, "event: put\n"
		       "data: {\"key\":\"a \\\"key\\\"/x\","
		       "\"version\":\"18446744073709551615\","
		       "\"document\":{\"value\":1}}\n\n");
}

static void a_delete_has_none(void **state)
{
	(void)state;
	struct record_commit gone = put;
	gone.op = RECORD_DELETE;
	gone.doc = NULL;
	gone.doc_len = 0;
	gone.version = 0;
	is_event(&gone,
	    "event: delete\n"
	    "data: {\"key\":\"a \\\"key\\\"/x\",\"version\":\"0\"}\n\n");
}

static void a_large_document_is_left_out(void **state)
{
	(void)state;
	struct record_commit large = put;
	large.doc = NULL;
	large.doc_len = 0;
	large.omitted = true;
	large.version = 7;
	is_event(&large,
	    "event: put\n"
	    "data: {\"key\":\"a \\\"key\\\"/x\",\"version\":\"7\"}\n\n");
}

/* A reader joins the lines of `data` by line breaks. */
static void line_breaks_do_not_end_the_event(void **state)
{
	(void)state;
	struct record_commit lines = put;
	lines.id = "records/k";
	lines.id_len = 9;
	lines.version = 7;
	lines.doc = "\n{\"value\":\n\n1}\n, not of the document";
	lines.doc_len = 15;
	is_event(&lines,
	    "event: put\n"
	    "data: {\"key\":\"k\",\"version\":\"7\",\"document\":\n"
	    "data: {\"value\":\n"
	    "data: \n"
	    "data: 1}\n"
	    "data: }\n\n");
}

static void a_reset_names_its_partition(void **state)
{
	(void)state;
	struct buf out = {0};
	change_event_reset(&out, 41);
	assert_string_equal(
	    out.data, "event: reset\ndata: {\"partition\":41}\n\n");
	buf_free(&out);
}

static void who_changed_it(void **state)
{
	(void)state;
	struct record_commit by = put;
	by.by = (struct record_text){"ada \"l\"", 7};
	by.version = 7;
	is_event(&by, "event: put\n"
		      "data: {\"key\":\"a \\\"key\\\"/x\","
		      "\"version\":\"7\",\"by\":\"ada \\\"l\\\"\","
		      "\"document\":{\"value\":1}}\n\n");
}

/* What an owner sees of a commit: op of the event, -1: nothing. */
static void what_an_owner_sees(void **state)
{
	static const char text[] =
	    "{\"name\":\"c\",\"key\":{\"type\":\"string\"},"
	    "\"fields\":{\"who\":{\"type\":\"string\",\"nullable\":true}},"
	    "\"access\":{\"customer\":[\"changes\"]},"
	    "\"owner\":{\"field\":\"who\",\"for\":[\"customer\"]}}";
	static const struct {
		const char *doc, *was;
		int op;
	} cases[] = {
	    {"{\"who\":\"ada\"}", NULL, RECORD_PUT},
	    {"{\"who\":\"ada\"}", "bob", RECORD_PUT},
	    {"{\"who\":\"bob\"}", NULL, -1},
	    {"{\"who\":\"bob\"}", "ada", RECORD_DELETE},
	    {"{\"who\":\"bob\"}", "eve", -1},
	    {"{\"who\":null}", "ada", RECORD_DELETE},
	    {NULL, "ada", RECORD_DELETE},
	    {NULL, "bob", -1},
	    {NULL, "adam", -1},
	    {NULL, NULL, -1},
	};
	struct declare_fault fault;
	(void)state;
	struct declaration *d = declare(text, strlen(text), "c", &fault);
	assert_non_null(d);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *doc = cases[i].doc, *was = cases[i].was;
		struct record_commit r = {
		    .op = doc ? RECORD_PUT : RECORD_DELETE,
		    .doc = doc,
		    .doc_len = doc ? strlen(doc) : 0,
		    .owner_was = {was, was ? strlen(was) : 0},
		    .by = {"root", 4},
		};
		struct record_commit all = r;
		assert_true(
		    change_event_narrow(declaration_collection(d), NULL, &all));
		assert_non_null(all.by.s);
		bool shown =
		    change_event_narrow(declaration_collection(d), "ada", &r);
		assert_int_equal(shown ? (int)r.op : -1, cases[i].op);
		assert_null(r.by.s);
		if (shown && r.op == RECORD_DELETE)
			assert_null(r.doc);
	}
	declaration_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_changed_it),
	    cmocka_unit_test(what_an_owner_sees),
	    cmocka_unit_test(a_put_has_the_document),
	    cmocka_unit_test(a_delete_has_none),
	    cmocka_unit_test(a_large_document_is_left_out),
	    cmocka_unit_test(line_breaks_do_not_end_the_event),
	    cmocka_unit_test(a_reset_names_its_partition),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
