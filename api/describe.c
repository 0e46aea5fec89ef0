#include "api/describe.h"

#include "api/problem.h"
#include "api/schema.h"
#include "common/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool describe_word(const char **list, const char **word, size_t *len)
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

static void plain_schema(struct jsonout *j, const char *type)
{
	jsonout_open(j, "schema", '{');
	jsonout_string(j, "type", type);
	jsonout_close(j, '}');
}

/* Those in braces, but {collection}, which is written out. */
static void path_parameters(
    struct jsonout *j, const char *pattern, const struct collection *c)
{
	if (strstr(pattern, "{position}")) {
		parameter(j, "position", "path", NULL);
		jsonout_ref(j, "schema", "schemas", "", "position");
		jsonout_close(j, '}');
	}
	bool key = strstr(pattern, "{key}") != NULL;
	if (!key && strstr(pattern, "{id}") == NULL)
		return;
	parameter(j, key ? c->key_name : "id", "path",
	    c->key == KEY_STRING ? "One that begins with `_` is sent as `%5F…`."
				 : NULL);
	schema_key(j, "schema", c);
	jsonout_close(j, '}');
}

static void list_parameters(struct jsonout *j, const struct collection *c)
{
	for (size_t i = 0; i < c->ncolumns; i++) {
		if (!c->columns[i].filter)
			continue;
		parameter(j, c->columns[i].name, "query",
		    "op.value; op is eq, neq, gt, gte, lt, lte, in, like, "
		    "ilike or is.");
		plain_schema(j, "string");
		jsonout_close(j, '}');
	}
	parameter(j, "order", "query", "field.asc or field.desc.");
	plain_schema(j, "string");
	jsonout_close(j, '}');
	parameter(j, "limit", "query", "How many documents at most.");
	jsonout_open(j, "schema", '{');
	jsonout_string(j, "type", "integer");
	jsonout_int(j, "minimum", 1);
	jsonout_int(j, "maximum", c->max_limit);
	jsonout_int(j, "default", c->default_limit);
	jsonout_close(j, '}');
	jsonout_close(j, '}');
	parameter(j, "cursor", "query", "Of the Link of the page before.");
	plain_schema(j, "string");
	jsonout_close(j, '}');
}

static void parameters(
    struct jsonout *j, const struct operation *op, const struct collection *c)
{
	const char *list = op->parameters, *word;
	size_t len;
	jsonout_open(j, "parameters", '[');
	path_parameters(j, op->pattern, c);
	while (describe_word(&list, &word, &len)) {
		char *name = mem_strndup(word, len);
		if (strcmp(name, "list") == 0)
			list_parameters(j, c);
		else
			jsonout_ref(j, NULL, "parameters", "", name);
		free(name);
	}
	jsonout_close(j, ']');
}

/* --- bodies -------------------------------------------------------------- */

static bool exists(const char *schema, const struct collection *c)
{
	return schema == NULL ||
	       strcmp(schema, schema_suffix(SCHEMA_INCREMENT)) != 0 ||
	       schema_exists(c, SCHEMA_INCREMENT);
}

static void media(struct jsonout *j, const char *type, const char *schema,
    const struct collection *c)
{
	jsonout_open(j, type, '{');
	if (schema)
		jsonout_ref(j, "schema", "schemas",
		    *schema == '.' ? c->name : "", schema);
	jsonout_close(j, '}');
}

static void request_body(
    struct jsonout *j, const struct operation *op, const struct collection *c)
{
	if (op->bodies[0].media == NULL)
		return;
	jsonout_open(j, "requestBody", '{');
	jsonout_bool(j, "required", true);
	jsonout_open(j, "content", '{');
	for (const struct operation_body *b = op->bodies; b->media; b++) {
		if (exists(b->schema, c))
			media(j, b->media, b->schema, c);
	}
	jsonout_close(j, '}');
	jsonout_close(j, '}');
}

/* --- responses ----------------------------------------------------------- */

static enum problem problem_of(const char *word, size_t len)
{
	char *type = mem_strndup(word, len);
	enum problem p = problem_by_type(type);
	free(type);
	return p;
}

/* What a status means: the answers' words, the problems' types. */
static void meaning(
    const struct operation *op, unsigned status, struct buf *out)
{
	const char *list = op->problems, *word;
	size_t len;
	for (const struct operation_answer *a = op->answers; a->status; a++) {
		if (a->status == status && *a->what)
			buf_printf(out, "%s%s", out->len ? " " : "", a->what);
	}
	while (describe_word(&list, &word, &len)) {
		enum problem p = problem_of(word, len);
		if (problem_status(p) == status)
			buf_printf(out, "%s%.*s: %s.", out->len ? " " : "",
			    (int)len, word, problem_title(p));
	}
}

static bool has_problem(const struct operation *op, unsigned status)
{
	const char *list = op->problems, *word;
	size_t len;
	while (describe_word(&list, &word, &len)) {
		if (problem_status(problem_of(word, len)) == status)
			return true;
	}
	return false;
}

static void headers(struct jsonout *j, const char *list)
{
	const char *word;
	size_t len;
	jsonout_open(j, "headers", '{');
	while (describe_word(&list, &word, &len)) {
		char *name = mem_strndup(word, len);
		jsonout_ref(j, name, "headers", "", name);
		free(name);
	}
	jsonout_close(j, '}');
}

static void content(struct jsonout *j, const struct operation *op,
    const struct collection *c, unsigned status)
{
	const struct operation_answer *a = op->answers;
	bool any = has_problem(op, status);
	for (; a->status; a++)
		any = any || (a->status == status && a->media);
	if (!any)
		return;
	jsonout_open(j, "content", '{');
	for (a = op->answers; a->status; a++) {
		if (a->status == status && a->media)
			media(j, a->media, a->schema, c);
	}
	if (has_problem(op, status))
		media(j, "application/problem+json", "problem", NULL);
	jsonout_close(j, '}');
}

static void response(struct jsonout *j, const struct operation *op,
    const struct collection *c, unsigned status)
{
	struct buf text = {0};
	char name[16];
	meaning(op, status, &text);
	if (text.len == 0)
		return;
	snprintf(name, sizeof name, "%u", status);
	jsonout_open(j, name, '{');
	jsonout_string(j, "description", text.data);
	buf_free(&text);
	const struct operation_answer *a = op->answers;
	while (a->status && a->status != status)
		a++;
	if (a->status && *a->headers)
		headers(j, a->headers);
	else if (status == 503 && !a->status)
		headers(j, "Retry-After");
	content(j, op, c, status);
	jsonout_close(j, '}');
}

/* ------------------------------------------------------------------------- */

static void describe_id(
    struct jsonout *j, const struct operation *op, const struct collection *c)
{
	struct buf id = {0};
	bool many = strstr(op->pattern, "{collection}") != NULL;
	buf_printf(&id, "%s%s%s", many ? c->name : "", many ? "_" : "", op->id);
	jsonout_string(j, "operationId", id.data);
	buf_free(&id);
	jsonout_open(j, "tags", '[');
	jsonout_string(j, NULL, op->tag ? op->tag : c->name);
	jsonout_close(j, ']');
}

void describe_operation(
    struct jsonout *j, const struct operation *op, const struct collection *c)
{
	char method[8] = "";
	for (size_t i = 0; op->method[i]; i++)
		method[i] = (char)tolower((unsigned char)op->method[i]);
	jsonout_open(j, method, '{');
	describe_id(j, op, c);
	jsonout_string(j, "summary", op->summary);
	parameters(j, op, c);
	request_body(j, op, c);
	jsonout_open(j, "responses", '{');
	for (unsigned status = 200; status < 600; status++)
		response(j, op, c, status);
	jsonout_close(j, '}');
	jsonout_close(j, '}');
}
