#include "api/openapi/operation_json.h"

#include "api/core/problem.h"
#include "api/openapi/example.h"
#include "api/openapi/json_schema.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool operation_json_word(const char **list, const char **word, size_t *len)
{
	*word = *list + strspn(*list, " ");
	*len = strcspn(*word, " ");
	*list = *word + *len;
	return *len > 0;
}

/* --- parameters ---------------------------------------------------------- */

static void parameter(struct jsonout *j, const char *name, const char *in,
    const char *description)
{
	jsonout_open(j, NULL, '{');
	jsonout_string(j, "name", name);
	jsonout_string(j, "in", in);
	if (description)
		jsonout_string(j, "description", description);
	if (strcmp(in, "path") == 0)
		jsonout_bool(j, "required", true);
}

/* Writes the schema of a text. The example belongs to the schema: the page
 * would fill an example of the parameter in, and send it. NULL: there is none.
 */
static void text_schema(struct jsonout *j, const char *example)
{
	jsonout_open(j, "schema", '{');
	jsonout_string(j, "type", "string");
	if (example) {
		jsonout_open(j, "examples", '[');
		jsonout_string(j, NULL, example);
		jsonout_close(j, ']');
	}
	jsonout_close(j, '}');
}

static void key_fields(struct jsonout *j, const struct collection *c)
{
	jsonout_open(j, "x-key-fields", '[');
	for (size_t i = 0; i < c->nparts; i++)
		jsonout_string(j, NULL, c->parts[i]->name);
	jsonout_close(j, ']');
}

/* Writes the parameters in braces, except {collection}, which is replaced by
 * the name. */
static void path_parameters(
    struct jsonout *j, const char *pattern, const struct collection *c)
{
	static const struct {
		const char *name, *what, *example;
	} texts[] = {
	    {"version",
		"The one that the pages name; with another one, a "
		"client must revalidate the file.",
		"current"},
	    {"file", NULL, "main.js"},
	    {"name", "The name of a collection.", "records"},
	    {"document", "A key of the collection.", "1"},
	};
	if (strstr(pattern, "{position}")) {
		parameter(j, "position", "path", NULL);
		jsonout_ref(j, "schema", "schemas", "", "position");
		jsonout_string(j, "example", "0-1");
		jsonout_close(j, '}');
	}
	if (strstr(pattern, "{group}")) {
		parameter(j, "group", "path",
		    "The part of the keys in front of the first colon. A group "
		    "that begins with `_` is sent as `%5F…`.");
		text_schema(j, NULL);
		jsonout_string(j, "example", EXAMPLE_GROUP);
		jsonout_close(j, '}');
	}
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char braced[16];
		snprintf(braced, sizeof braced, "{%s}", texts[i].name);
		if (!strstr(pattern, braced))
			continue;
		parameter(j, texts[i].name, "path", texts[i].what);
		text_schema(j, NULL);
		jsonout_string(j, "example", texts[i].example);
		jsonout_close(j, '}');
	}
	bool key = strstr(pattern, "{key}") != NULL;
	if (!key && strstr(pattern, "{id}") == NULL)
		return;
	parameter(j, key ? c->key_name : "id", "path",
	    c->key == KEY_STRING
		? "A key that begins with `_` is sent as `%5F…`."
	    : c->nparts ? "The values of the fields in x-key-fields, joined by "
			  "commas. In a value, `%` is `%25`, and `,` is `%2C`."
			: NULL);
	json_schema_key(j, "schema", c);
	example_key(j, "example", c);
	if (c->nparts)
		key_fields(j, c);
	jsonout_close(j, '}');
}

/* The key can always be filtered by, unless it has parts. */
static void example_group(struct buf *out, const struct collection *c)
{
	struct buf filter = {0};
	size_t i = 0;
	while (i < c->ncolumns && !c->columns[i].filter)
		i++;
	if (i < c->ncolumns && example_filter(&filter, &c->columns[i]))
		buf_printf(out, "(%s.%s)", c->columns[i].name, filter.data);
	buf_free(&filter);
}

static void group_parameters(struct jsonout *j, const struct collection *c)
{
	static const char *const names[] = {"or", "and", "not.or", "not.and"};
	struct buf example = {0};
	example_group(&example, c);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		parameter(j, names[i], "query",
		    "A group of filters: (field.op.value,field.not.op.value). "
		    "A term may be a group: or(…), and(…), not.or(…).");
		text_schema(j, example.data);
		jsonout_close(j, '}');
	}
	buf_free(&example);
}

static void filter_parameters(struct jsonout *j, const struct collection *c)
{
	group_parameters(j, c);
	for (size_t i = 0; i < c->ncolumns; i++) {
		struct buf example = {0};
		if (!c->columns[i].filter)
			continue;
		parameter(j, c->columns[i].name, "query",
		    "op.value or not.op.value; op is eq, neq, gt, gte, lt, "
		    "lte, in, like, ilike or is.");
		bool known = example_filter(&example, &c->columns[i]);
		text_schema(j, known ? example.data : NULL);
		buf_free(&example);
		jsonout_close(j, '}');
	}
}

static void select_parameter(struct jsonout *j, const struct collection *c)
{
	parameter(j, "select", "query",
	    "Names of members, separated by commas: answers only these.");
	text_schema(j, c->nparts ? c->parts[0]->name : c->key_name);
	jsonout_close(j, '}');
}

/* `paged`: a request without a limit also gets a page. */
static void list_parameters(
    struct jsonout *j, const struct collection *c, bool paged)
{
	char order[COLLECTION_NAME_MAX + 8];
	filter_parameters(j, c);
	if (paged)
		select_parameter(j, c);
	parameter(j, "order", "query",
	    "field.asc or field.desc; several, separated by commas, as an "
	    "index has them.");
	snprintf(order, sizeof order, "%s.desc", c->key_name);
	text_schema(j, order);
	jsonout_close(j, '}');
	parameter(j, "limit", "query",
	    paged ? "Maximum number of documents."
		  : "Maximum number of documents; without any parameter: all.");
	jsonout_open(j, "schema", '{');
	jsonout_string(j, "type", "integer");
	jsonout_int(j, "minimum", 1);
	jsonout_int(j, "maximum", c->max_limit);
	if (paged)
		jsonout_int(j, "default", c->default_limit);
	jsonout_close(j, '}');
	jsonout_close(j, '}');
	/* It has no example, because a cursor is valid for one list only. */
	parameter(j, "cursor", "query", "From the Link of the previous page.");
	text_schema(j, NULL);
	jsonout_close(j, '}');
}

static void operation_json_parameters(
    struct jsonout *j, const struct route *route, const struct collection *c)
{
	const struct operation *op = &route->operation;
	const char *list = op->parameters, *word;
	size_t len;
	jsonout_open(j, "parameters", '[');
	path_parameters(j, route->head.pattern, c);
	while (operation_json_word(&list, &word, &len)) {
		char *name = mem_strndup(word, len);
		if (strcmp(name, "list") == 0)
			list_parameters(j, c, op->tag == NULL);
		else if (strcmp(name, "select") == 0)
			select_parameter(j, c);
		else if (strcmp(name, "filters") == 0)
			filter_parameters(j, c);
		else
			jsonout_ref(j, NULL, "parameters", "", name);
		free(name);
	}
	jsonout_close(j, ']');
}

/* --- bodies -------------------------------------------------------------- */

/* JSON_SCHEMA_KINDS: the schema does not depend on the collection. */
static enum json_schema_of operation_json_kind_of(const char *schema)
{
	int of = 0;
	while (of < JSON_SCHEMA_KINDS &&
	       (schema == NULL ||
		   strcmp(schema,
		       json_schema_suffix((enum json_schema_of)of)) != 0))
		of++;
	return (enum json_schema_of)of;
}

static void json_schema_of(
    struct jsonout *j, const char *schema, const struct collection *c)
{
	bool its = operation_json_kind_of(schema) != JSON_SCHEMA_KINDS;
	if (schema)
		jsonout_ref(j, "schema", "schemas", its ? c->name : "", schema);
}

/* A batch of one operation, of the first collection that has groups. */
static void example_batch(struct jsonout *j)
{
	const struct collection *c = collection_at(0);
	for (size_t i = 1; c && !c->group; i++)
		c = collection_at(i);
	if (c == NULL)
		return;
	jsonout_open(j, "example", '[');
	jsonout_open(j, NULL, '{');
	jsonout_string(j, "op", "put");
	jsonout_string(j, "collection", c->name);
	example_key(j, "key", c);
	example_body(j, "document", c, JSON_SCHEMA_PUT);
	jsonout_close(j, '}');
	jsonout_close(j, ']');
}

/* A line of NDJSON: an operation. */
static void example_line(struct jsonout *j, const struct collection *c)
{
	struct buf line = {0};
	struct jsonout operation = {.out = &line};
	jsonout_open(&operation, NULL, '{');
	jsonout_string(&operation, "op", "put");
	example_key(&operation, "key", c);
	bool known = example_body(&operation, "document", c, JSON_SCHEMA_PUT);
	jsonout_close(&operation, '}');
	buf_char(&line, '\n');
	if (known)
		jsonout_string(j, "example", line.data);
	buf_free(&line);
}

static void body_media(struct jsonout *j, const struct route *route,
    const struct operation_body *b, const struct collection *c)
{
	enum json_schema_of of = operation_json_kind_of(b->schema);
	jsonout_open(j, b->media, '{');
	if (b->schema)
		json_schema_of(j, b->schema, c);
	else
		text_schema(j, NULL);
	if (of != JSON_SCHEMA_KINDS)
		example_body(j, "example", c, of);
	else if (b->schema && strcmp(b->schema, "batch") == 0)
		example_batch(j);
	else if (route->body.media == MEDIA_LINES)
		example_line(j, c);
	jsonout_close(j, '}');
}

static void request_body(
    struct jsonout *j, const struct route *route, const struct collection *c)
{
	const struct operation *op = &route->operation;
	if (op->bodies[0].media == NULL)
		return;
	jsonout_open(j, "requestBody", '{');
	/* Not one of its media types: a generated client would have to look at
	 * each body to find out which of them it is. */
	if (route->body.media == MEDIA_BULK)
		jsonout_string(j, "description",
		    "Many documents may also be sent as application/x-ndjson, "
		    "one a line.");
	jsonout_bool(j, "required", true);
	jsonout_open(j, "content", '{');
	for (const struct operation_body *b = op->bodies; b->media; b++) {
		enum json_schema_of of = operation_json_kind_of(b->schema);
		if (of == JSON_SCHEMA_KINDS || json_schema_exists(c, of))
			body_media(j, route, b, c);
	}
	jsonout_close(j, '}');
	jsonout_close(j, '}');
}

/* --- responses ----------------------------------------------------------- */

/* What an operation answers. The document asks for its problems again and
 * again, so their names are looked up once. */
struct operation_answers {
	const struct operation *op;
	enum problem problems[PROBLEM_COUNT];
	size_t nproblems;
};

static enum problem problem_of(const char *word, size_t len)
{
	char *type = mem_strndup(word, len);
	enum problem p = problem_by_type(type);
	free(type);
	return p;
}

static void look_up(struct operation_answers *a)
{
	const char *list = a->op->problems, *word;
	size_t len;
	while (operation_json_word(&list, &word, &len)) {
		CHECK(a->nproblems < PROBLEM_COUNT);
		a->problems[a->nproblems++] = problem_of(word, len);
	}
}

/* Appends the meaning of a status: the texts of its answers, and the types of
 * its problems. */
static void meaning(
    const struct operation_answers *all, unsigned status, struct buf *out)
{
	const struct operation_answer *a = all->op->answers;
	for (; a->status; a++) {
		if (a->status == status && *a->what)
			buf_printf(out, "%s%s", out->len ? " " : "", a->what);
	}
	for (size_t i = 0; i < all->nproblems; i++) {
		enum problem p = all->problems[i];
		if (problem_status(p) == status)
			buf_printf(out, "%s%s: %s.", out->len ? " " : "",
			    problem_type(p), problem_title(p));
	}
}

static bool has_problem(const struct operation_answers *all, unsigned status)
{
	for (size_t i = 0; i < all->nproblems; i++) {
		if (problem_status(all->problems[i]) == status)
			return true;
	}
	return false;
}

static void headers(struct jsonout *j, const char *list)
{
	const char *word;
	size_t len;
	jsonout_open(j, "headers", '{');
	while (operation_json_word(&list, &word, &len)) {
		char *name = mem_strndup(word, len);
		jsonout_ref(j, name, "headers", "", name);
		free(name);
	}
	jsonout_close(j, '}');
}

static void problem_media(
    struct jsonout *j, const struct operation_answers *all, unsigned status)
{
	jsonout_open(j, "application/problem+json", '{');
	jsonout_ref(j, "schema", "schemas", "", "problem");
	jsonout_open(j, "examples", '{');
	for (size_t i = 0; i < all->nproblems; i++) {
		if (problem_status(all->problems[i]) != status)
			continue;
		const char *name = problem_type(all->problems[i]);
		jsonout_ref(j, name, "examples", "", name);
	}
	jsonout_close(j, '}');
	jsonout_close(j, '}');
}

static void content(struct jsonout *j, const struct operation_answers *all,
    const struct collection *c, unsigned status)
{
	const struct operation_answer *a = all->op->answers;
	bool any = has_problem(all, status);
	for (; a->status; a++)
		any = any || (a->status == status && a->media);
	if (!any)
		return;
	jsonout_open(j, "content", '{');
	for (a = all->op->answers; a->status; a++) {
		if (a->status != status || !a->media)
			continue;
		jsonout_open(j, a->media, '{');
		json_schema_of(j, a->schema, c);
		jsonout_close(j, '}');
	}
	if (has_problem(all, status))
		problem_media(j, all, status);
	jsonout_close(j, '}');
}

static void response(struct jsonout *j, const struct operation_answers *all,
    const struct collection *c, unsigned status)
{
	struct buf text = {0};
	char name[16];
	meaning(all, status, &text);
	if (text.len == 0)
		return;
	snprintf(name, sizeof name, "%u", status);
	jsonout_open(j, name, '{');
	jsonout_string(j, "description", text.data);
	buf_free(&text);
	const struct operation_answer *a = all->op->answers;
	while (a->status && a->status != status)
		a++;
	if (a->status && *a->headers)
		headers(j, a->headers);
	else if (status == 503 && !a->status)
		headers(j, "Retry-After");
	content(j, all, c, status);
	jsonout_close(j, '}');
}

static void responses(
    struct jsonout *j, const struct operation *op, const struct collection *c)
{
	struct operation_answers all = {.op = op};
	look_up(&all);
	jsonout_open(j, "responses", '{');
	for (unsigned status = 200; status < 600; status++)
		response(j, &all, c, status);
	jsonout_close(j, '}');
}

/* ------------------------------------------------------------------------- */

static void describe_id(
    struct jsonout *j, const struct route *route, const struct collection *c)
{
	const struct operation *op = &route->operation;
	struct buf id = {0};
	bool many = strstr(route->head.pattern, "{collection}") != NULL;
	buf_printf(&id, "%s%s%s", many ? c->name : "", many ? "_" : "", op->id);
	jsonout_string(j, "operationId", id.data);
	buf_free(&id);
	jsonout_open(j, "tags", '[');
	jsonout_string(j, NULL, op->tag ? op->tag : c->name);
	jsonout_close(j, ']');
}

void operation_json_operation(
    struct jsonout *j, const struct route *route, const struct collection *c)
{
	const struct operation *op = &route->operation;
	char method[8] = "";
	for (size_t i = 0; route->head.method[i]; i++)
		method[i] = (char)tolower((unsigned char)route->head.method[i]);
	jsonout_open(j, method, '{');
	describe_id(j, route, c);
	jsonout_string(j, "summary", op->summary);
	operation_json_parameters(j, route, c);
	request_body(j, route, c);
	responses(j, op, c);
	jsonout_close(j, '}');
}
