/* The events of a change feed, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/changes/change_event.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_put_has_the_document),
	    cmocka_unit_test(a_delete_has_none),
	    cmocka_unit_test(a_large_document_is_left_out),
	    cmocka_unit_test(line_breaks_do_not_end_the_event),
	    cmocka_unit_test(a_reset_names_its_partition),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
