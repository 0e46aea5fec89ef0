/* Schemas of declared collections, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/openapi/json_schema.h"
#include "common/base/buf.h"
#include "common/schema/declare.h"
#include "tests/unit/declared.h"

static void schema_is(
    const char *collection, enum json_schema_of of, const char *want)
{
	struct buf out = {0};
	struct jsonout j = {.out = &out};
	json_schema_write(&j, NULL, declared(collection), of);
	assert_string_equal(out.data, want);
	buf_free(&out);
}

#define TIMES                                                                  \
	"\"created_at\":{\"type\":\"string\",\"format\":\"date-time\"},"       \
	"\"updated_at\":{\"type\":\"string\",\"format\":\"date-time\"}"

static void what_is_read_has_every_field(void **state)
{
	(void)state;
	schema_is("counters", JSON_SCHEMA_DOCUMENT,
	    "{\"description\":\"A document, as it is read.\","
	    "\"type\":\"object\",\"properties\":{"
	    "\"key\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255},"
	    "\"count\":{\"type\":\"integer\",\"format\":\"int64\"},"
	    "\"amount\":{\"type\":[\"number\",\"null\"]}," TIMES "},"
	    "\"required\":[\"key\",\"count\",\"amount\",\"created_at\","
	    "\"updated_at\"],\"additionalProperties\":false}");
}

/* With its key or without; only the required fields must be there. */
static void what_is_sent(void **state)
{
	(void)state;
	schema_is("counters", JSON_SCHEMA_PUT,
	    "{\"description\":\"A document to store under its key.\","
	    "\"type\":\"object\",\"properties\":{"
	    "\"count\":{\"type\":\"integer\",\"format\":\"int64\"},"
	    "\"amount\":{\"type\":[\"number\",\"null\"]}},"
	    "\"required\":[\"count\"],\"additionalProperties\":false}");
	schema_is("counters", JSON_SCHEMA_NEW,
	    "{\"description\":\"A document to create. A key that it does not "
	    "name is generated.\",\"type\":\"object\",\"properties\":{"
	    "\"key\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":255},"
	    "\"count\":{\"type\":\"integer\",\"format\":\"int64\"},"
	    "\"amount\":{\"type\":[\"number\",\"null\"]}},"
	    "\"required\":[\"count\"],\"additionalProperties\":false}");
}

/* Null takes a field's default, if it has one. Bounds are not of an addition.
 */
static void what_is_changed(void **state)
{
	(void)state;
	schema_is("counters", JSON_SCHEMA_PATCH,
	    "{\"description\":\"A merge patch (RFC 7396): the named fields are "
	    "changed; null sets a field to null, or to its default.\","
	    "\"type\":\"object\",\"properties\":{"
	    "\"count\":{\"type\":\"integer\",\"format\":\"int64\"},"
	    "\"amount\":{\"type\":[\"number\",\"null\"]}},"
	    "\"additionalProperties\":false}");
	schema_is("products", JSON_SCHEMA_INCREMENT,
	    "{\"description\":\"The number is added to each named field.\","
	    "\"type\":\"object\",\"properties\":{"
	    "\"price\":{\"type\":\"number\"},"
	    "\"stock_quantity\":{\"type\":\"integer\",\"format\":\"int64\"}},"
	    "\"minProperties\":1,\"additionalProperties\":false}");
}

/* A reference to a schema: TO "posts_document" END. */
#define TO "{\"$ref\":\"#/components/schemas/"
#define END "\"}"

static void what_is_made_of_others(void **state)
{
	(void)state;
	schema_is("posts", JSON_SCHEMA_LIST,
	    "{\"description\":\"Documents, in order.\",\"type\":\"array\","
	    "\"items\":" TO "posts_document" END "}");
	schema_is("posts", JSON_SCHEMA_ALL,
	    "{\"description\":\"Documents, each with whether a cache had it.\","
	    "\"type\":\"array\",\"items\":" TO "posts_cached" END "}");
	schema_is("posts", JSON_SCHEMA_CREATE,
	    "{\"description\":\"A document, or many.\",\"anyOf\":[" TO
	    "posts_new" END ",{\"type\":\"array\",\"items\":" TO "posts_new" END
	    "}]}");
	schema_is("posts", JSON_SCHEMA_WRITTEN,
	    "{\"description\":\"The outcome of the write; with "
	    "return=representation, the document.\",\"anyOf\":[" TO
	    "receipt" END "," TO "posts_document" END "]}");
	schema_is("products", JSON_SCHEMA_ANSWER,
	    "{\"description\":\"A document, and where it came from.\","
	    "\"type\":\"object\",\"properties\":{"
	    "\"product\":" TO "products_document" END ","
	    "\"source\":" TO "source" END ","
	    "\"response_time\":" TO "seconds" END "},"
	    "\"required\":[\"product\",\"source\",\"response_time\"],"
	    "\"additionalProperties\":false}");
}

static void key_is(const char *collection, const char *want)
{
	struct buf out = {0};
	struct jsonout j = {.out = &out};
	json_schema_key(&j, NULL, declared(collection));
	assert_string_equal(out.data, want);
	buf_free(&out);
}

static void keys(void **state)
{
	(void)state;
	key_is("records",
	    "{\"type\":\"string\",\"minLength\":1,\"maxLength\":255}");
	key_is("posts", "{\"type\":\"integer\",\"format\":\"int64\"}");
	key_is("samples", "{\"type\":\"string\",\"format\":\"uuid\"}");
}

static bool exists(const char *collection, enum json_schema_of of)
{
	return json_schema_exists(declared(collection), of);
}

static void each_kind_has_its_collections(void **state)
{
	(void)state;
	for (int of = 0; of < JSON_SCHEMA_KINDS; of++) {
		const char *suffix =
		    json_schema_suffix((enum json_schema_of)of);
		assert_int_equal(suffix[0], '_');
		for (int other = 0; other < of; other++)
			assert_string_not_equal(suffix,
			    json_schema_suffix((enum json_schema_of)other));
	}
	assert_true(exists("counters", JSON_SCHEMA_INCREMENT));
	assert_false(exists("records", JSON_SCHEMA_INCREMENT));
	assert_true(exists("posts", JSON_SCHEMA_CACHED));
	assert_false(exists("products", JSON_SCHEMA_CACHED));
	assert_true(exists("products", JSON_SCHEMA_ANSWERS));
	assert_false(exists("posts", JSON_SCHEMA_ANSWERS));
	assert_true(exists("samples", JSON_SCHEMA_DOCUMENT));
}

#define NESTED                                                                 \
	"{\"name\":\"c\",\"key\":{\"type\":\"uuid\"},\"fields\":{\"f\":{"      \
	"\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\","     \
	"\"minimum\":1},\"l\":{\"type\":\"array\",\"maxItems\":2,"             \
	"\"items\":{\"type\":\"object\",\"properties\":{\"s\":{"               \
	"\"type\":\"string\",\"nullable\":true}},\"required\":[\"s\"]}}},"     \
	"\"required\":[\"n\"],\"additionalProperties\":false}},"               \
	"\"required\":[\"f\"]}"

static void nested_is(
    const struct collection *c, enum json_schema_of of, const char *want)
{
	struct buf out = {0};
	struct jsonout j = {.out = &out};
	json_schema_write(&j, NULL, c, of);
	if (strstr(out.data, want) == NULL)
		fail_msg("%s", out.data);
	buf_free(&out);
}

/* A patch goes into objects, and not into arrays. */
static void within_objects_and_arrays(void **state)
{
	(void)state;
	struct declare_fault fault;
	struct declaration *d = declare(NESTED, strlen(NESTED), "c", &fault);
	assert_non_null(d);
	const struct collection *c = declaration_collection(d);
#define ITEMS                                                                  \
	"\"items\":{\"type\":\"object\",\"properties\":{\"s\":{"               \
	"\"type\":[\"string\",\"null\"]}},\"required\":[\"s\"],"               \
	"\"additionalProperties\":true},\"maxItems\":2}}"
	nested_is(c, JSON_SCHEMA_PUT,
	    "\"f\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
	    "\"integer\",\"format\":\"int64\",\"minimum\":1},\"l\":{"
	    "\"type\":\"array\"," ITEMS ",\"required\":[\"n\"],"
	    "\"additionalProperties\":false}");
	nested_is(c, JSON_SCHEMA_PATCH,
	    "\"f\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
	    "\"integer\",\"format\":\"int64\",\"minimum\":1},\"l\":{"
	    "\"type\":[\"array\",\"null\"]," ITEMS
	    ",\"additionalProperties\":false}");
	declaration_free(&d);
}

#define AS_STRINGS                                                             \
	"{\"name\":\"c\",\"key\":{\"type\":\"uuid\"},\"fields\":{\"n\":{"      \
	"\"type\":\"integer\",\"json\":\"string\",\"enum\":[1,2],"             \
	"\"minimum\":1,\"default\":1},\"m\":{\"type\":\"number\","             \
	"\"json\":\"string\",\"enum\":[0.5],\"nullable\":true}}}"

static void numbers_as_strings(void **state)
{
	(void)state;
	struct declare_fault fault;
	struct declaration *d =
	    declare(AS_STRINGS, strlen(AS_STRINGS), "c", &fault);
	assert_non_null(d);
	const struct collection *c = declaration_collection(d);
#define INTEGER                                                                \
	"\"n\":{\"type\":\"string\",\"format\":\"int64\",\"pattern\":"         \
	"\"^-?(0|[1-9][0-9]*)$\""
#define NUMBER                                                                 \
	"\"m\":{\"type\":[\"string\",\"null\"],\"format\":\"decimal\","        \
	"\"pattern\":\"^-?[0-9]+(\\\\.[0-9]+)?$\"}"
	nested_is(c, JSON_SCHEMA_PUT,
	    INTEGER ",\"enum\":[\"1\",\"2\"],\"default\":\"1\"}," NUMBER);
	nested_is(c, JSON_SCHEMA_INCREMENT, INTEGER "}");
	declaration_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_read_has_every_field),
	    cmocka_unit_test(what_is_sent),
	    cmocka_unit_test(what_is_changed),
	    cmocka_unit_test(what_is_made_of_others),
	    cmocka_unit_test(keys),
	    cmocka_unit_test(each_kind_has_its_collections),
	    cmocka_unit_test(within_objects_and_arrays),
	    cmocka_unit_test(numbers_as_strings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
