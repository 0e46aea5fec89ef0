/* One operation, of a route that is made for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/openapi/operation_json.h"
#include "tests/unit/declared.h"

#include <jansson.h>
#include <stdlib.h>

static const struct operation_body no_bodies[] = {{0}};
static const struct operation_answer no_answers[] = {{0}};
static const struct operation_body bodies[] = {
    {"application/json", "_put"},
    {"application/x-increment", "_increment"},
    {"text/plain", NULL},
    {0},
};
static const struct operation_answer answers[] = {
    {200, "It is there.", "application/json", "_document", "ETag Location"},
    {200, "As text.", "text/plain", NULL, ""},
    {204, "It is gone.", NULL, NULL, ""},
    {0},
};

/* The operation itself, without its method. */
static json_t *described(
    const struct route *route, const char *collection, const char *method)
{
	struct buf out = {0};
	struct jsonout j = {.out = &out};
	json_error_t e;
	jsonout_open(&j, NULL, '{');
	operation_json_operation(
	    &j, route, collection ? declared(collection) : NULL);
	jsonout_close(&j, '}');
	json_t *doc = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, &e);
	if (doc == NULL)
		fail_msg("%s in %s", e.text, out.data);
	assert_int_equal(json_object_size(doc), 1);
	json_t *made = json_incref(json_object_get(doc, method));
	assert_non_null(made);
	json_decref(doc);
	buf_free(&out);
	return made;
}

/* The member at `path`, whose names have dots between. */
static void member_is(const json_t *at, const char *path, const char *want)
{
	for (const char *s = path; at && *s;) {
		size_t len = strcspn(s, ".");
		at = json_object_getn(at, s, len);
		s += len + (s[len] == '.');
	}
	char *have = at ? json_dumps(at, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	if (want == NULL)
		assert_null(have);
	else if (have == NULL)
		fail_msg("no %s", path);
	else
		assert_string_equal(have, want);
	free(have);
}

/* A reference: TO "schemas/receipt" END. */
#define TO "{\"$ref\":\"#/components/"
#define END "\"}"

static const struct route put = {
    .head = {.method = "PUT", .pattern = "/v1/{collection}/{key}"},
    .operation = {.id = "put",
	.summary = "Stores it",
	.parameters = "Prefer  If-Match",
	.bodies = bodies,
	.answers = answers,
	.problems = "validation-failed write-buffer-full "
		    "idempotency-key-reused"},
};

static void of_a_collection(void **state)
{
	(void)state;
	json_t *o = described(&put, "records", "put");
	member_is(o, "operationId", "\"records_put\"");
	member_is(o, "tags", "[\"records\"]");
	member_is(o, "summary", "\"Stores it\"");
	member_is(o, "parameters",
	    "[{\"name\":\"key\",\"in\":\"path\",\"description\":"
	    "\"A key that begins with `_` is sent as `%5F…`.\","
	    "\"required\":true,\"schema\":{\"type\":\"string\","
	    "\"minLength\":1,\"maxLength\":255},\"example\":\"user:1\"}," TO
	    "parameters/Prefer" END "," TO "parameters/If-Match" END "]");
	json_decref(o);
}

/* What the collection has nothing of is left out. */
static void bodies_of_a_collection(void **state)
{
	(void)state;
	json_t *o = described(&put, "records", "put");
	const json_t *content =
	    json_object_get(json_object_get(o, "requestBody"), "content");
	assert_int_equal(json_object_size(content), 2);
	member_is(o, "requestBody.required", "true");
	member_is(json_object_get(content, "application/json"), "",
	    "{\"schema\":" TO "schemas/records_put" END
	    ",\"example\":{\"value\":\"text\"}}");
	member_is(json_object_get(content, "text/plain"), "schema",
	    "{\"type\":\"string\"}");
	json_decref(o);
	o = described(&put, "counters", "put");
	member_is(o, "requestBody.content.application/x-increment",
	    "{\"schema\":" TO "schemas/counters_increment" END
	    ",\"example\":{\"count\":1}}");
	json_decref(o);
}

/* Answers and problems of one status are one response. */
static void responses_by_status(void **state)
{
	(void)state;
	json_t *o = described(&put, "records", "put");
	assert_int_equal(json_object_size(json_object_get(o, "responses")), 4);
	member_is(o, "responses.200.description", "\"It is there. As text.\"");
	member_is(o, "responses.200.headers",
	    "{\"ETag\":" TO "headers/ETag" END ",\"Location\":" TO
	    "headers/Location" END "}");
	member_is(o, "responses.200.content",
	    "{\"application/json\":{\"schema\":" TO
	    "schemas/records_document" END "},\"text/plain\":{}}");
	member_is(o, "responses.204", "{\"description\":\"It is gone.\"}");
	member_is(o, "responses.422.content.application/problem+json.examples",
	    "{\"validation-failed\":" TO "examples/validation-failed" END ","
	    "\"idempotency-key-reused\":" TO
	    "examples/idempotency-key-reused" END "}");
	member_is(o, "responses.422.headers", NULL);
	member_is(o, "responses.503.headers",
	    "{\"Retry-After\":" TO "headers/Retry-After" END "}");
	json_decref(o);
}

static void of_no_collection(void **state)
{
	(void)state;
	static const struct route health = {
	    .head = {.method = "GET", .pattern = "/health"},
	    .operation = {.id = "health",
		.tag = "service",
		.summary = "Health",
		.parameters = "",
		.bodies = no_bodies,
		.answers = no_answers,
		.problems = ""},
	};
	json_t *o = described(&health, NULL, "get");
	member_is(o, "",
	    "{\"operationId\":\"health\",\"tags\":[\"service\"],"
	    "\"summary\":\"Health\",\"parameters\":[],\"responses\":{}}");
	json_decref(o);
}

/* Filters, order, limit, cursor; a tagged one is not paged. */
static void lists(void **state)
{
	(void)state;
	struct route list = {
	    .head = {.method = "GET", .pattern = "/v1/{collection}"},
	    .operation = {.id = "list",
		.summary = "Lists",
		.parameters = "list",
		.bodies = no_bodies,
		.answers = no_answers,
		.problems = ""},
	};
	json_t *o = described(&list, "samples", "get");
	const json_t *all = json_object_get(o, "parameters");
	size_t n = json_array_size(all);
	assert_true(n > 3);
	for (size_t i = 0; i < n; i++)
		member_is(json_array_get(all, i), "in", "\"query\"");
	member_is(json_array_get(all, n - 3), "schema.examples",
	    "[\"sample_id.desc\"]");
	member_is(json_array_get(all, n - 2), "schema",
	    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":50,"
	    "\"default\":10}");
	member_is(json_array_get(all, n - 1), "name", "\"cursor\"");
	json_decref(o);
	list.operation.tag = "reference";
	o = described(&list, "samples", "get");
	all = json_object_get(o, "parameters");
	/* Without select. */
	assert_int_equal(json_array_size(all), n - 1);
	member_is(json_array_get(all, n - 3), "schema",
	    "{\"type\":\"integer\",\"minimum\":1,\"maximum\":50}");
	member_is(o, "tags", "[\"reference\"]");
	json_decref(o);
}

static void words(void **state)
{
	(void)state;
	const char *list = "  one two   three ", *word;
	static const char *const want[] = {"one", "two", "three"};
	size_t len;
	for (size_t i = 0; i < 3; i++) {
		assert_true(operation_json_word(&list, &word, &len));
		assert_int_equal(len, strlen(want[i]));
		assert_memory_equal(word, want[i], len);
	}
	assert_false(operation_json_word(&list, &word, &len));
	assert_false(operation_json_word(&list, &word, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_a_collection),
	    cmocka_unit_test(bodies_of_a_collection),
	    cmocka_unit_test(responses_by_status),
	    cmocka_unit_test(of_no_collection),
	    cmocka_unit_test(lists),
	    cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
