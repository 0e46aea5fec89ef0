/* Declarations: what each part says, and every way to get one wrong, with its
 * place and reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/access/claims.h"
#include "common/schema/declare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct declaration *read(const char *text, struct declare_fault *fault)
{
	char *own = strdup(text);
	struct declaration *d = declare(own, strlen(own), "c", fault);
	memset(own, 'x', strlen(own)); /* it was copied */
	free(own);
	return d;
}

#define HEAD "{\"name\":\"c\",\"key\":{\"type\":\"string\"},"
#define FIELD(f) HEAD "\"fields\":{\"f\":{" f "}}}"
#define LIST(fields, list) HEAD "\"fields\":{" fields "},\"list\":{" list "}}"
#define TEXT "\"type\":\"string\",\"nullable\":true"
#define INT "\"type\":\"integer\",\"nullable\":true"
#define OBJECT "\"o\":{\"type\":\"object\",\"nullable\":true}"
#define WIDE TEXT ",\"maxLength\":500"
#define TWO "\"f\":{" WIDE "},\"g\":{" INT "},\"h\":{" WIDE "}"
#define BOTH "\"filter\":[\"f\",\"g\"],\"order\":[\"g\",\"h\"]"
#define ACCESS(rest) HEAD "\"fields\":{" SHORT "}," rest "}"
#define MAY(verbs) "\"access\":{\"customer\":[" verbs "]}"
#define OWNER(rest) ACCESS(MAY("\"read\"") ",\"owner\":{" rest "}")
#define AT_FIELD(v)                                                            \
	"\"fields\":{\"f\":{\"type\":\"string\",\"format\":\"date-time\","     \
	"\"default\":" v "}}"
#define AT(v) HEAD AT_FIELD(v) "}"
#define LIST_OF(items) "\"type\":\"array\",\"nullable\":true,\"items\":" items
#define THEIRS HEAD "\"table\":\"x\",\"fields\":{\"f\":{"
#define PART "\"a\":{\"type\":\"integer\"}"
#define REFERS(fields, to)                                                     \
	ACCESS("\"references\":[{\"fields\":" fields ",\"collection\":" to "}" \
	       "]")
#define PARTS(key, fields)                                                     \
	"{\"name\":\"c\",\"key\":" key ",\"fields\":{" fields "}}"
#define ID(v) FIELD("\"type\":\"string\",\"format\":\"uuid\",\"default\":" v)
#define RENAMED(was, g, more)                                                  \
	HEAD "\"fields\":{\"f\":{" INT ",\"was\":\"" was "\"},\"g\":" g        \
	     "}" more "}"
#define SHORT "\"f\":{\"type\":\"string\",\"nullable\":true,\"maxLength\":9}"

static const struct {
	const char *text, *pointer, *reason;
} wrong[] = {
    {"", "", "line 1, column 1: ends too early"},
    {"{\n  \"name\": tru}", "", "line 2, column 11: a value is expected"},
    {"[]", "", "must be an object"},
    {"{}", "", "name is required"},
    {"{\"name\":\"c\",\"name\":\"c\"}", "",
	"line 1, column 13: a duplicate member of its object"},
    {HEAD "\"fields\":{},\"extra\":1}", "", "unknown member \"extra\""},
    {"{\"name\":\"c\",\"key\":{\"type\":\"integer\"},\"fields\":{" SHORT
     "},\"group\":true}",
	"/group", "only a collection with string keys can have groups"},
    {ACCESS("\"group\":1"), "/group", "must be true or false"},
    {ACCESS("\"access\":[]"), "/access", "must be an object"},
    {ACCESS("\"access\":{\"A\":[]}"), "/access", "A is not a role"},
    {ACCESS("\"access\":{\"a\":\"read\"}"), "/access/a",
	"must be an array of verbs"},
    {ACCESS(MAY("\"write\"")), "/access/customer", "none of read, list"},
    {ACCESS(MAY("\"purge\"")), "/access/customer", "none of read, list"},
    {ACCESS(MAY("1")), "/access/customer", "none of read, list"},
    {ACCESS(MAY("\"read\",\"read\"")), "/access/customer", "has read twice"},
    {OWNER("\"f\":1"), "/owner", "unknown member \"f\""},
    {OWNER("\"for\":[\"customer\"]"), "/owner", "field is required"},
    {OWNER("\"field\":\"f\""), "/owner", "for is required"},
    {OWNER("\"field\":\"g\",\"for\":[\"customer\"]"), "/owner/field",
	"must be the name of a field"},
    {OWNER("\"field\":\"f\",\"for\":[]"), "/owner/for", "must not be empty"},
    {OWNER("\"field\":\"f\",\"for\":\"customer\""), "/owner/for",
	"must be an array"},
    {OWNER("\"field\":\"f\",\"for\":[\"editor\"]"), "/owner/for",
	"/access grants nothing to the role editor"},
    {OWNER("\"field\":\"f\",\"for\":[\"anonymous\"]"), "/owner/for",
	"anonymous has no claims"},
    {OWNER("\"field\":\"f\",\"claim\":7,\"for\":[\"customer\"]"),
	"/owner/claim", "must be a string"},
    {OWNER("\"field\":\"f\",\"claim\":\"\",\"for\":[\"customer\"]"),
	"/owner/claim", "must have 1 to 63 bytes"},
    {ACCESS(MAY("\"list\"") ",\"owner\":{\"field\":\"f\",\"for\":["
			    "\"customer\"]}"),
	"/owner/field", "f must be in /list/filter"},
    {HEAD "\"fields\":{\"f\":{" INT
	  "}}," MAY("\"read\"") ",\"owner\":{"
				"\"field\":\"f\",\"for\":[\"customer\"]}}",
	"/owner/field", "f is not a string"},
    {ACCESS("\"updated_by\":true," MAY(
	 "\"create\"") ",\"owner\":{\"field\":"
		       "\"updated_by\",\"for\":[\"customer\"]}"),
	"/owner/field", "no write can set updated_by"},
    {THEIRS TEXT ",\"readOnly\":true}}," MAY(
	 "\"create\"") ",\"owner\":{\"field\":"
		       "\"f\",\"for\":[\"customer\"]}}",
	"/owner/field", "no write can set f"},
    {AT("{\"now\":false}"), "/fields/f/default",
	"must be a date-time or {\"now\": true}"},
    {AT("{\"uuid\":7}"), "/fields/f/default", "must be a date-time or"},
    {AT("{\"now\":true,\"uuid\":7}"), "/fields/f/default", "must be a"},
    {AT("{}"), "/fields/f/default", "must be a date-time or"},
    {AT("7"), "/fields/f/default", "must be a"},
    {ID("{\"now\":true}"), "/fields/f/default",
	"must be a UUID or {\"uuid\": 7}"},
    {ID("{\"uuid\":4}"), "/fields/f/default", "must be a UUID or"},
    {HEAD "\"required\":[\"f\"]," AT_FIELD("{\"now\":true}") "}",
	"/fields/f/default", "a required field has no use for a default"},
    {FIELD(TEXT ",\"default\":{\"now\":true}"), "/fields/f/default", "must be"},
    {ACCESS("\"updated_by\":1"), "/updated_by", "must be true or false"},
    {ACCESS("\"updated_by\":true,\"required\":[\"updated_by\"]"), "/required",
	"updated_by is set by the writer"},
    {HEAD "\"fields\":{\"updated_by\":{" TEXT "}},\"updated_by\":true}",
	"/fields/updated_by", "is the field that /updated_by adds"},
    {FIELD(INT ",\"json\":true"), "/fields/f/json", "must be \"string\""},
    {FIELD(INT ",\"json\":\"number\""), "/fields/f/json", "must be \"string\""},
    {FIELD(INT ",\"json\":\"string\",\"format\":\"int32\""), "/fields/f/json",
	"is for integers of 64 bits"},
    {FIELD(TEXT ",\"json\":\"string\""), "/fields/f/json", "does not apply to"},
    {PARTS("[\"a\",\"b\"]",
	 PART ",\"b\":{\"type\":\"integer\",\"json\":\"string\"}"),
	"/key", "b has \"json\""},
    {FIELD(LIST_OF("{\"type\":\"integer\",\"json\":\"string\"}")),
	"/fields/f/items",
	"allows neither default nor readOnly nor was nor json"},
    {FIELD(TEXT ",\"was\":1"), "/fields/f/was", "must be a string"},
    {FIELD(TEXT ",\"was\":\"A\""), "/fields/f/was", "a name begins with"},
    {FIELD(TEXT ",\"was\":\"f\""), "/fields/f/was", "is the name of the"},
    {FIELD(TEXT ",\"was\":\"key\""), "/fields/f/was", "is the key, or a"},
    {FIELD(TEXT ",\"was\":\"version\""), "/fields/f/was", "is the key, or"},
    {FIELD(TEXT ",\"was\":\"created_at\""), "/fields/f/was", "is the key,"},
    {RENAMED("g", "{" INT "}", ""), "/fields/f/was",
	"no two fields can mean g"},
    {RENAMED("h", "{" INT ",\"was\":\"h\"}", ""), "/fields/f/was",
	"is what the field g was, too"},
    {RENAMED("h", "{" INT "}", ",\"columns\":{\"g\":\"h\"}"), "/fields/f/was",
	"is the column of the field g"},
    {RENAMED("h", "{" INT "}", ",\"columns\":{\"key\":\"h\"}"), "/fields/f/was",
	"is the key, or a name that every"},
    {RENAMED("h", "{" INT "}", ",\"columns\":{\"version\":\"h\"}"),
	"/fields/f/was", "is the key, or a name that every"},
    {RENAMED("h", "{" INT "}", ",\"columns\":{\"updated_at\":\"h\"}"),
	"/fields/f/was", "is the key, or a name that every"},
    {PARTS("[\"a\",\"b\"]",
	 PART ",\"b\":{\"type\":\"integer\",\"was\":\"c\"},\"d\":{" INT "}"),
	"/fields/b/was", "does not apply to a part of the key"},
    {FIELD(LIST_OF("{\"type\":\"string\",\"was\":\"g\"}")), "/fields/f/items",
	"allows neither default nor readOnly nor was nor json"},
    {ACCESS("\"unique\":{}"), "/unique", "must be an array of arrays"},
    {ACCESS("\"unique\":[\"f\"]"), "/unique/0", "must be an array of names"},
    {ACCESS("\"unique\":[[\"f\"],[]]"), "/unique/1", "must not be empty"},
    {ACCESS("\"unique\":[[\"g\"]]"), "/unique/0", "\"g\" is not a field"},
    {ACCESS("\"unique\":[[1]]"), "/unique/0", "1 is not a field"},
    {ACCESS("\"unique\":[[\"f\",\"f\"]]"), "/unique/0", "has f twice"},
    {ACCESS("\"unique\":[[\"f\"],[\"f\"]]"), "/unique/1",
	"has the same fields as /unique/0"},
    {ACCESS("\"references\":[{\"fields\":[\"f\"],\"collection\":\"d\"},"
	    "{\"fields\":[\"f\"],\"collection\":\"e\"}]"),
	"/references/1", "has the same fields as /references/0"},
    {ACCESS("\"unique\":[[\"f\"],[\"f\"],[\"f\"],[\"f\"],[\"f\"],[\"f\"],"
	    "[\"f\"],[\"f\"],[\"f\"]]"),
	"/unique", "more than 8 entries"},
    {HEAD "\"fields\":{\"f\":{" TEXT "}},\"unique\":[[\"f\"]]}", "/unique/0",
	"f needs a maxLength of at most 500"},
    {HEAD "\"fields\":{\"f\":{\"type\":\"array\",\"nullable\":true}},"
	  "\"unique\":[[\"f\"]]}",
	"/unique/0", "f is an object or array"},
    {ACCESS("\"expires\":1"), "/expires", "must be a string"},
    {ACCESS("\"expires\":\"g\""), "/expires", "a field with the format"},
    {ACCESS("\"expires\":\"f\""), "/expires", "a field with the format"},
    {ACCESS("\"expires\":\"created_at\""), "/expires",
	"must be the name of a field"},
    {ACCESS("\"references\":7"), "/references", "must be an object"},
    {ACCESS("\"references\":[7]"), "/references/0", "must be an object"},
    {ACCESS("\"references\":[{\"fields\":[\"f\"]}]"), "/references/0",
	"fields and collection are required"},
    {REFERS("[]", "\"d\""), "/references/0/fields", "must not be empty"},
    {REFERS("[\"f\",\"f\"]", "\"d\""), "/references/0/fields", "has f twice"},
    {REFERS("[\"g\"]", "\"d\""), "/references/0/fields",
	"\"g\" is not a field"},
    {REFERS("\"f\"", "\"d\""), "/references/0/fields", "must be an array"},
    {REFERS("[\"f\"]", "7"), "/references/0/collection",
	"must be the name of a collection"},
    {ACCESS("\"references\":{\"g\":\"d\"}"), "/references/g", "is not a field"},
    {ACCESS("\"references\":{\"f\":1}"), "/references/f",
	"must be the name of a collection"},
    {HEAD "\"fields\":{\"f\":{" TEXT "}},\"references\":{\"f\":\"d\"}}",
	"/references/f", "f needs a maxLength"},
    {"{\"name\":\"C\",\"key\":{},\"fields\":{}}", "/name",
	"a name begins with a lower-case letter"},
    {"{\"name\":\"_c\",\"key\":{},\"fields\":{}}", "/name", "a name begins"},
    {"{\"name\":7,\"key\":{},\"fields\":{}}", "/name", "must be a string"},
    {"{\"name\":\"d\",\"key\":{},\"fields\":{}}", "/name",
	"the file of d is called d.json"},
    {"{\"name\":\"c\",\"key\":\"string\",\"fields\":{}}", "/key",
	"must be an object"},
    {"{\"name\":\"c\",\"key\":{},\"fields\":{}}", "/key", "type is required"},
    {"{\"name\":\"c\",\"key\":{\"type\":\"int\"},\"fields\":{}}", "/key/type",
	"must be \"string\", \"integer\" or \"uuid\""},
    {"{\"name\":\"c\",\"key\":{\"type\":\"string\",\"x\":1},\"fields\":{}}",
	"/key", "unknown member \"x\""},
    {"{\"name\":\"c\",\"key\":{\"type\":\"string\",\"name\":\"a b\"},"
     "\"fields\":{}}",
	"/key/name", "a name begins"},
    {"{\"name\":\"c\",\"key\":{\"type\":\"string\",\"name\":\"version\"},"
     "\"fields\":{" SHORT "}}",
	"/key/name", "the table has a column of that name already"},
    {HEAD "\"fields\":{}}", "/fields", "must not be empty"},
    {HEAD "\"fields\":[]}", "/fields", "must be an object"},
    {HEAD "\"fields\":{\"A\":{}}}", "/fields/A", "a name begins"},
    {HEAD "\"fields\":{\"key\":{}}}", "/fields/key",
	"the table has a column of that name already"},
    {HEAD "\"fields\":{\"version\":{}}}", "/fields/version", "already"},
    {HEAD "\"fields\":{\"xmax\":{}}}", "/fields/xmax", "already"},
    {HEAD "\"fields\":{\"f\":1}}", "/fields/f", "must be an object"},
    {FIELD(""), "/fields/f", "type is required"},
    {FIELD("\"type\":\"null\""), "/fields/f/type", "must be \"string\", \"int"},
    {FIELD("\"type\":[\"string\"]"), "/fields/f/type", "must be \"string\""},
    {FIELD(TEXT ",\"maxlength\":1"), "/fields/f",
	"unknown keyword \"maxlength\""},
    {FIELD(TEXT ",\"exclusiveMaximum\":1"), "/fields/f", "unknown keyword"},
    {FIELD(TEXT ",\"minimum\":1"), "/fields/f/minimum",
	"does not apply to the type string"},
    {FIELD(INT ",\"maxLength\":1"), "/fields/f/maxLength",
	"does not apply to the type integer"},
    {FIELD("\"type\":\"object\",\"enum\":[{}]"), "/fields/f/enum",
	"does not apply to the type object"},
    {FIELD("\"type\":\"boolean\",\"format\":\"uuid\""), "/fields/f/format",
	"does not apply to the type boolean"},
    {FIELD(TEXT ",\"format\":\"none-such\""), "/fields/f/format",
	"must be one of \"date-time\" \"date-time-local\" \"date\" "
	"\"time-local\" \"uuid\" \"byte\" \"inet\" \"cidr\" \"email\""},
    {HEAD "\"fields\":{\"f\":{\"type\":\"integer\",\"format\":\"date\"}}}",
	"/fields/f/format", "must be one of \"int64\" \"int32\""},
    {HEAD "\"fields\":{\"f\":{\"type\":\"integer\",\"format\":\"int16\","
	  "\"maximum\":32768,\"nullable\":true}}}",
	"/fields/f/maximum", "must be a 16-bit integer"},
    {HEAD "\"fields\":{\"f\":{\"type\":\"string\",\"format\":\"date\","
	  "\"maxLength\":9,\"nullable\":true}}}",
	"/fields/f", "the format date allows no length, pattern or enum"},
    {HEAD "\"fields\":{\"f\":{\"type\":\"string\",\"format\":\"byte\","
	  "\"nullable\":true}},\"list\":{\"filter\":[\"f\"]}}",
	"/list/filter", "f has the format byte, which has no index"},
    {"{\"name\":\"c\",\"key\":{\"generate\":\"v4\",\"type\":\"uuid\"},"
     "\"fields\":{\"f\":{" INT "}}}",
	"/key/generate", "must be \"v7\""},
    {"{\"name\":\"c\",\"key\":{\"format\":\"int32\",\"type\":\"uuid\"},"
     "\"fields\":{\"f\":{" INT "}}}",
	"/key/format", "is for the type integer"},
    {"{\"name\":\"c\",\"key\":{\"format\":\"date\",\"type\":\"integer\"},"
     "\"fields\":{\"f\":{" INT "}}}",
	"/key/format", "must be \"int64\", \"int32\" or \"int16\""},
    {"{\"name\":\"c\",\"key\":{\"generate\":\"v7\",\"type\":\"string\"},"
     "\"fields\":{\"f\":{" INT "}}}",
	"/key/generate", "is for the type uuid"},
    {FIELD(TEXT ",\"nullable\":1"), "", "a duplicate member of its object"},
    {FIELD("\"type\":\"string\",\"nullable\":1"), "/fields/f/nullable",
	"must be true or false"},
    {FIELD(TEXT ",\"minLength\":-1"), "/fields/f/minLength",
	"must be a whole number from 0 to"},
    {FIELD(TEXT ",\"maxLength\":1.5"), "/fields/f/maxLength",
	"must be a whole number"},
    {FIELD(TEXT ",\"maxLength\":\"1\""), "/fields/f/maxLength",
	"must be a whole number"},
    {FIELD(TEXT ",\"minLength\":2,\"maxLength\":1"), "/fields/f",
	"minLength is greater than maxLength"},
    {FIELD(INT ",\"minimum\":1.5"), "/fields/f/minimum",
	"must be a 64-bit integer"},
    {FIELD(INT ",\"maximum\":\"1\""), "/fields/f/maximum", "must be a number"},
    {FIELD(INT ",\"minimum\":2,\"maximum\":1"), "/fields/f",
	"minimum is greater than maximum"},
    {FIELD(INT ",\"exclusiveMinimum\":1,\"maximum\":1"), "/fields/f",
	"exclusiveMinimum is not below maximum"},
    {FIELD(INT ",\"exclusiveMinimum\":1,\"minimum\":1"), "/fields/f",
	"exclude each other"},
    {FIELD(TEXT ",\"enum\":\"a\""), "/fields/f/enum", "must be an array"},
    {FIELD(TEXT ",\"enum\":[]"), "/fields/f/enum", "must not be empty"},
    {FIELD(TEXT ",\"enum\":[\"a\",1]"), "/fields/f/enum",
	"1 is not a value of the field's type"},
    {FIELD(TEXT ",\"enum\":[null]"), "/fields/f/enum", "null is not a value"},
    {FIELD(TEXT ",\"enum\":[\"ab\"],\"maxLength\":1"), "/fields/f",
	"enum has \"ab\", which another keyword forbids"},
    {PARTS("[]", PART ""), "/key", "must have at least two names"},
    {PARTS("[\"a\"]", PART ""), "/key", "must have at least two names"},
    {PARTS("[\"a\",\"x\"]", PART ""), "/key", "\"x\" is not a field"},
    {PARTS("[\"a\",7]", PART ""), "/key", "7 is not a field"},
    {PARTS("[\"a\",\"a\"]", PART ""), "/key", "has a twice"},
    {PARTS("[\"a\",\"f\"]", PART ",\"f\":{\"type\":\"number\"}"), "/key",
	"f cannot be a part of a key"},
    {PARTS("[\"a\",\"f\"]", PART ",\"f\":{" INT "}"), "/key",
	"f is nullable, readOnly or has a default"},
    {PARTS("[\"a\",\"key\"]", PART ",\"key\":{" INT "}"), "/fields/key",
	"the table has a column of that name already"},
    {PARTS("[\"a\",\"b\"]", PART ",\"b\":{\"type\":\"integer\"}},\"columns\":{"
				 "\"key\":\"x\""),
	"/columns/key", "is not the key, a field"},
    {PARTS("[\"a\",\"b\"]", PART ",\"b\":{\"type\":\"integer\"}},\"list\":{"
				 "\"filter\":[\"key\"]"),
	"/list/filter", "the key has several fields: name those"},
    {FIELD(INT ",\"items\":{}"), "/fields/f/items",
	"does not apply to the type integer"},
    {FIELD(LIST_OF("7")), "/fields/f/items", "must be an object"},
    {FIELD(LIST_OF("{}")), "/fields/f/items", "type is required"},
    {FIELD(LIST_OF("{" INT ",\"minimum\":\"1\"}")), "/fields/f/items/minimum",
	"must be a number"},
    {FIELD(LIST_OF("{" INT ",\"minimum\":2,\"maximum\":1}")), "/fields/f/items",
	"minimum is greater than maximum"},
    {FIELD(LIST_OF("{" INT ",\"default\":1}")), "/fields/f/items",
	"allows neither default nor readOnly"},
    {FIELD(INT ",\"readOnly\":true"), "/fields/f/readOnly",
	"is for a table of yours"},
    {FIELD(TEXT ",\"enum\":[\"a\"],\"columnType\":\"m\""),
	"/fields/f/columnType", "is for a table of yours"},
    {THEIRS INT ",\"readOnly\":1}}}", "/fields/f/readOnly",
	"must be true or false"},
    {THEIRS INT ",\"readOnly\":true}},\"required\":[\"f\"]}", "/required",
	"f is readOnly: no document that is written has it"},
    {THEIRS INT ",\"readOnly\":true,\"default\":1}}}", "/fields/f",
	"a readOnly field has no use for a default"},
    {THEIRS TEXT ",\"columnType\":\"m\"}}}", "/fields/f/columnType",
	"declare its values in enum"},
    {THEIRS TEXT ",\"enum\":[\"a\"],\"columnType\":\"m.\"}}}",
	"/fields/f/columnType", "must be the name of a table or a type"},
    {THEIRS TEXT ",\"enum\":[\"a\"],\"maxLength\":1,\"columnType\":\"m\"}}}",
	"/fields/f", "columnType allows no length or pattern"},
    {FIELD(INT ",\"maxDigits\":9"), "/fields/f/maxDigits",
	"does not apply to the type integer"},
    {FIELD("\"type\":\"number\",\"maxDigits\":0"), "/fields/f/maxDigits",
	"must be at least 1"},
    {FIELD("\"type\":\"number\",\"maxDigits\":16384"), "/fields/f/maxDigits",
	"must be a whole number from 0 to 16383"},
    {FIELD("\"type\":\"number\",\"maximum\":1e1000"), "/fields/f/maximum",
	"has more digits than the field allows"},
    {FIELD(TEXT ",\"pattern\":1"), "/fields/f/pattern", "must be a string"},
    {FIELD(TEXT ",\"pattern\":\"(\""), "/fields/f/pattern", "at character 1"},
    {FIELD(TEXT ",\"pattern\":\"(?>a)\""), "/fields/f/pattern",
	"has a group that ECMA-262 does not have"},
    {FIELD(TEXT ",\"pattern\":\"\\\\Aa\""), "/fields/f/pattern",
	"has an escape that ECMA-262 does not have"},
    {FIELD("\"type\":\"string\""), "/fields/f",
	"an optional field must be nullable or have a default"},
    {FIELD("\"type\":\"integer\",\"default\":\"0\""), "/fields/f/default",
	"must be a 64-bit integer"},
    {FIELD("\"type\":\"integer\",\"default\":null"), "/fields/f/default",
	"must not be null"},
    {FIELD("\"type\":\"integer\",\"minimum\":1,\"default\":0"),
	"/fields/f/default", "must be at least 1"},
    {FIELD(TEXT ",\"description\":1"), "/fields/f/description",
	"must be a string"},
    {HEAD "\"fields\":{\"f\":{" INT ",\"default\":0}},\"required\":[\"f\"]}",
	"/fields/f/default", "a required field has no use for a default"},
    {HEAD "\"fields\":{\"f\":{" INT "}},\"required\":\"f\"}", "/required",
	"must be an array"},
    {HEAD "\"fields\":{\"f\":{" INT "}},\"required\":[\"g\"]}", "/required",
	"\"g\" is not a field"},
    {HEAD "\"fields\":{\"f\":{" INT "}},\"required\":[7]}", "/required",
	"7 is not a field"},
    {HEAD "\"fields\":{\"f\":{" INT "}},\"required\":[\"f\",\"f\"]}",
	"/required", "f appears twice"},
    {HEAD "\"fields\":{\"f\":{" INT "}},\"cache\":7}", "/cache",
	"must be an object"},
    {HEAD "\"fields\":{\"f\":{" INT "}},\"cache\":{\"ttl\":\"1s\"}}", "/cache",
	"unknown member \"ttl\""},
    {HEAD "\"fields\":{\"f\":{" INT "}},\"cache\":{\"l1_ttl\":60}}",
	"/cache/l1_ttl", "must be a string"},
    {HEAD "\"fields\":{\"f\":{" INT "}},\"cache\":{\"l2_ttl\":\"0s\"}}",
	"/cache/l2_ttl", "must be a duration from 1ms to 30d"},
    {HEAD "\"fields\":{\"f\":{" INT "}},\"cache\":{\"on_commit\":\"x\"}}",
	"/cache/on_commit", "must be \"refresh\" or \"invalidate\""},
    {LIST("\"f\":{" TEXT "}", "\"filter\":[\"f\"]"), "/list/filter",
	"f needs a maxLength of at most 500"},
    {LIST("\"f\":{\"type\":\"array\",\"nullable\":true}", "\"order\":[\"f\"]"),
	"/list/order", "f is an object or array"},
    {LIST(SHORT, "\"filter\":[\"g\"]"), "/list/filter", "\"g\" is not a field"},
    {LIST(SHORT, "\"filter\":\"f\""), "/list/filter",
	"must be an array of names"},
    {LIST("\"limit\":{" INT "}", "\"filter\":[\"limit\"]"), "/list/filter",
	"limit is a reserved query parameter"},
    {LIST(SHORT, "\"filter\":[\"f.a\"]"), "/list/filter",
	"f is not a field of type object"},
    {LIST(SHORT, "\"filter\":[\"g.a\"]"), "/list/filter",
	"g is not a field of type object"},
    {LIST(OBJECT, "\"filter\":[\"o.\"]"), "/list/filter",
	"o. is not the path of a member"},
    {LIST(OBJECT, "\"filter\":[\"o.a'b\"]"), "/list/filter",
	"o.a'b is not the path of a member"},
    {LIST(OBJECT, "\"filter\":[\"o.a.b.c.d.e\"]"), "/list/filter", "at most 5"},
    {LIST(OBJECT, "\"order\":[\"o.a\"]"), "/list/order",
	"\"o.a\" is not a field"},
    {LIST(OBJECT, "\"filter\":[\"o.a\"],\"order\":[\"o.a\"]"), "/list/order",
	"o.a is a member of an object"},
    {LIST(SHORT, "\"filter\":[\"select\"]"), "/list/filter",
	"\"select\" is not a field"},
    {LIST("\"or\":{" INT "}", "\"filter\":[\"or\"]"), "/list/filter",
	"or is a reserved"},
    {LIST(SHORT, "\"indexes\":{}"), "/list/indexes", "must be an array"},
    {LIST(SHORT, "\"indexes\":[\"f\"]"), "/list/indexes/0",
	"must be an array of names"},
    {LIST(SHORT, "\"indexes\":[[1]]"), "/list/indexes/0", "not a name"},
    {LIST(SHORT, "\"indexes\":[[\"f\"]]"), "/list/indexes/0",
	"f is listed neither in /list/filter nor in /list/order"},
    {LIST(TWO, BOTH ",\"indexes\":[[\"f\"]]"), "/list/indexes/0",
	"at least two names"},
    {LIST(TWO, BOTH ",\"indexes\":[[\"f\",\"g\"],[\"f\",\"f.desc\"]]"),
	"/list/indexes/1", "has f twice"},
    {LIST(TWO, BOTH ",\"indexes\":[[\"f\",\"h\"]]"), "/list/indexes/0",
	"4255 bytes together"},
    {LIST(SHORT, "\"sort\":[]"), "/list", "unknown member \"sort\""},
    {LIST(SHORT, "\"default_order\":\"f\""), "/list/default_order",
	"f is not listed in /list/order"},
    {LIST(SHORT, "\"order\":[\"f\"],\"default_order\":\"f.down\""),
	"/list/default_order", "must be a name, or one with .asc or .desc"},
    {LIST(SHORT, "\"max_limit\":1001"), "/list/max_limit",
	"must be a whole number from 0 to 1000"},
    {LIST(SHORT, "\"default_limit\":0"), "/list/default_limit",
	"must be at least 1"},
    {LIST(SHORT, "\"max_limit\":10,\"default_limit\":11"),
	"/list/default_limit", "is greater than max_limit"},
};

static void faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct declare_fault fault;
		assert_null(read(wrong[i].text, &fault));
		if (strcmp(fault.pointer, wrong[i].pointer) != 0 ||
		    strstr(fault.reason, wrong[i].reason) == NULL)
			fail_msg("%s\n%s: %s", wrong[i].text, fault.pointer,
			    fault.reason);
	}
}

static void too_many_fields(void **state)
{
	(void)state;
	for (int n = COLLECTION_FIELDS; n <= COLLECTION_FIELDS + 1; n++) {
		struct buf b = {0};
		buf_str(&b, HEAD "\"fields\":{");
		for (int i = 0; i < n; i++)
			buf_printf(&b, "%s\"f%d\":{" INT "}", i ? "," : "", i);
		buf_str(&b, "}}");
		struct declare_fault fault;
		struct declaration *d = read(b.data, &fault);
		assert_int_equal(d != NULL, n == COLLECTION_FIELDS);
		if (d == NULL)
			assert_string_equal(
			    fault.reason, "more than 64 fields");
		declaration_free(&d);
		buf_free(&b);
	}
}

static void everything(void **state)
{
	(void)state;
	struct declare_fault fault;
	struct declaration *d = read(
	    "{\"name\":\"c\",\"description\":\"d\","
	    "\"key\":{\"name\":\"id\",\"type\":\"uuidv7\"},"
	    "\"required\":[\"at\"],\"fields\":{"
	    "\"at\":{\"format\":\"date-time\",\"type\":\"string\"},"
	    "\"ref\":{\"type\":\"string\",\"format\":\"uuid\",\"nullable\":"
	    "true},"
	    "\"n\":{\"type\":\"number\",\"maximum\":1e2,\"default\":1.50},"
	    "\"on\":{\"type\":\"boolean\",\"default\":false},"
	    "\"tags\":{\"type\":\"array\",\"default\":[]},"
	    "\"s\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"],"
	    "\"default\":\"\\u0061\",\"maxLength\":1,\"pattern\":\"^.$\"}},"
	    "\"cache\":{\"l1_ttl\":\"5s\",\"on_commit\":\"refresh\"},"
	    "\"list\":{\"filter\":[\"s\",\"n\"],\"order\":[\"n\",\"updated_"
	    "at\"],"
	    "\"default_order\":\"n.desc\",\"max_limit\":50}}",
	    &fault);
	assert_non_null(d);
	const struct collection *c = declaration_collection(d);
	assert_int_equal(c->key, KEY_UUIDV7);
	assert_string_equal(c->key_name, "id");
	assert_int_equal(c->nfields, 6);
	static const enum column_type columns[] = {COLUMN_TIMESTAMPTZ,
	    COLUMN_UUID, COLUMN_NUMERIC, COLUMN_BOOLEAN, COLUMN_JSONB,
	    COLUMN_TEXT};
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(c->fields[i].column, columns[i]);
	assert_true(c->fields[0].required);
	assert_false(c->fields[1].required);
	assert_int_equal(c->fields[2].otherwise.len, 4);
	assert_non_null(c->fields[5].pattern);
	assert_int_equal(c->l1_ttl, CLOCK_S(5));
	assert_int_equal(c->l2_ttl, 0);
	assert_true(c->refresh);
	assert_int_equal(c->ncolumns, 4);
	assert_string_equal(c->order->name, "n");
	assert_true(c->descending);
	assert_true(c->order->filter && c->order->order);
	assert_int_equal(c->max_limit, 50);
	assert_int_equal(c->default_limit, 50);
	declaration_free(&d);
	assert_null(d);
}

static uint64_t shape(const char *text)
{
	struct declare_fault fault;
	struct declaration *d = read(text, &fault);
	assert_non_null(d);
	uint64_t out = declaration_collection(d)->shape;
	declaration_free(&d);
	return out;
}

/* uuidv7 is another name of it. */
static void uuid_keys(void **state)
{
	(void)state;
#define WITH_KEY(key)                                                          \
	"{\"name\":\"c\",\"key\":" key ",\"fields\":{\"f\":{" INT "}}}"
	uint64_t alias = shape(WITH_KEY("{\"type\":\"uuidv7\"}"));
	assert_true(alias == shape(WITH_KEY("{\"type\":\"uuid\"}")));
	assert_true(alias ==
		    shape(WITH_KEY("{\"generate\":\"v7\",\"type\":\"uuid\"}")));
}

/* It is of what the daemons must agree about, and of nothing else. */
static void who_may_do_what(void **state)
{
	(void)state;
	roles_forget();
	claims_forget();
	struct declare_fault fault;
	struct declaration *d =
	    read(HEAD "\"fields\":{" SHORT "},\"list\":{\"filter\":[\"f\"]},"
		      "\"access\":{\"anonymous\":[\"read\"],"
		      "\"customer\":[\"read\",\"list\",\"create\"],"
		      "\"editor\":[\"read\",\"delete\"]},"
		      "\"owner\":{\"field\":\"f\",\"claim\":\"tenant\","
		      "\"for\":[\"customer\"]}}",
		&fault);
	assert_non_null(d);
	const struct collection *c = declaration_collection(d);
	role_set customer = roles_find("customer", 8);
	role_set editor = roles_find("editor", 6);
	assert_int_equal(
	    c->grants[VERB_read], customer | editor | roles_anonymous());
	assert_int_equal(c->grants[VERB_list], customer);
	assert_int_equal(c->grants[VERB_create], customer);
	assert_int_equal(c->grants[VERB_delete], editor);
	assert_int_equal(c->grants[VERB_update], 0);
	assert_string_equal(c->owner.field->name, "f");
	assert_string_equal(claims_at(c->owner.claim), "tenant");
	assert_int_equal(c->owner.roles, customer);
	declaration_free(&d);
	d = read(HEAD "\"fields\":{" SHORT "}}", &fault);
	assert_null(declaration_collection(d)->owner.field);
	assert_int_equal(declaration_collection(d)->grants[VERB_read], 0);
	declaration_free(&d);
}

static void shapes(void **state)
{
	(void)state;
	static const char *const same[] = {
	    HEAD "\"fields\":{\"f\":{" INT "}}}",
	    HEAD
	    "\"fields\": {\"f\":{\"nullable\":true,\"type\":\"integer\"}}}",
	    HEAD "\"fields\":{\"f\":{" INT ",\"minimum\":3}},"
		 "\"cache\":{\"on_commit\":\"refresh\"}}",
	    HEAD "\"fields\":{\"f\":{" INT ",\"format\":\"int64\"}}}",
	    HEAD "\"group\":false,\"fields\":{\"f\":{" INT "}}}",
	    FIELD(INT ",\"was\":\"g\""),
	};
	static const char *const other[] = {
	    HEAD "\"fields\":{\"g\":{" INT "}}}",
	    HEAD "\"fields\":{\"f\":{" TEXT "}}}",
	    HEAD "\"fields\":{\"f\":{" INT ",\"default\":1}}}",
	    FIELD(INT ",\"json\":\"string\""),
	    HEAD "\"fields\":{\"f\":{\"type\":\"integer\"}},"
		 "\"required\":[\"f\"]}",
	    HEAD "\"fields\":{\"f\":{" TEXT ",\"format\":\"uuid\"}}}",
	    HEAD "\"fields\":{\"f\":{" INT "},\"g\":{" INT "}}}",
	    HEAD "\"fields\":{\"g\":{" INT "},\"f\":{" INT "}}}",
	    HEAD "\"group\":true,\"fields\":{\"f\":{" INT "}}}",
	    "{\"name\":\"c\",\"key\":{\"type\":\"integer\"},"
	    "\"fields\":{\"f\":{" INT "}}}",
	    "{\"name\":\"c\",\"key\":{\"type\":\"string\",\"name\":\"id\"},"
	    "\"fields\":{\"f\":{" INT "}}}",
	    WITH_KEY("{\"type\":\"integer\",\"format\":\"int32\"}"),
	    WITH_KEY("{\"type\":\"integer\",\"format\":\"int16\"}"),
	    HEAD "\"fields\":{\"f\":{" INT ",\"format\":\"int32\"}}}",
	    HEAD "\"fields\":{\"f\":{" INT ",\"format\":\"int16\"}}}",
	    HEAD "\"fields\":{\"f\":{" TEXT ",\"format\":\"date\"}}}",
	};
	for (size_t i = 1; i < sizeof same / sizeof *same; i++)
		assert_true(shape(same[i]) == shape(same[0]));
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		assert_true(shape(other[i]) != shape(same[0]));
		for (size_t k = 0; k < i; k++)
			assert_true(shape(other[i]) != shape(other[k]));
	}
}

/* What does not follow from another fault is told together, in the order of the
 * checks. */
static void all_at_once(void **state)
{
	(void)state;
	static const char fields[] =
	    "{\"name\":\"d\",\"key\":{\"type\":\"text\"},\"group\":1,"
	    "\"fields\":{"
	    "\"a\":{\"type\":\"x\"},\"B\":{},\"c\":{\"type\":\"integer\","
	    "\"minimum\":\"1\"}},\"cache\":7}";
	static const char rest[] =
	    "{\"name\":\"c\",\"key\":{\"type\":\"string\"},\"fields\":{"
	    "\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"integer\"}},"
	    "\"expires\":\"a\",\"cache\":7,\"list\":{\"filter\":[\"x\"]},"
	    "\"unique\":[[\"y\"]]}";
	static const char *const one[] = {"/name", "/key/type",
	    "/fields/a/type", "/fields/B", "/fields/c/minimum"};
	static const char *const two[] = {"/fields/a", "/fields/b", "/expires",
	    "/cache", "/list/filter", "/unique/0"};
	struct declare_faults faults;
	assert_null(declare_all(fields, sizeof fields - 1, "c", &faults));
	assert_int_equal(faults.n, sizeof one / sizeof *one);
	for (size_t i = 0; i < faults.n; i++)
		assert_string_equal(faults.all[i].pointer, one[i]);
	assert_null(declare_all(rest, sizeof rest - 1, "c", &faults));
	assert_int_equal(faults.n, sizeof two / sizeof *two);
	for (size_t i = 0; i < faults.n; i++)
		assert_string_equal(faults.all[i].pointer, two[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(faults),
	    cmocka_unit_test(all_at_once),
	    cmocka_unit_test(too_many_fields),
	    cmocka_unit_test(everything),
	    cmocka_unit_test(who_may_do_what),
	    cmocka_unit_test(uuid_keys),
	    cmocka_unit_test(shapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
