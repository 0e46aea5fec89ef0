#include "api/validate.h"

#include "common/mem.h"
#include "common/utf8.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

bool validate_key(const char *key, size_t len, struct violations *out)
{
	size_t before = out->n;
	if (len == 0)
		violations_add(out, "key", "must not be empty");
	else if (len > COLLECTION_KEY_MAX)
		violations_add(out, "key", "has %zu bytes; at most %d", len,
		    COLLECTION_KEY_MAX);
	if (memchr(key, '\0', len))
		violations_add(out, "key", "must not hold a NUL byte");
	if (!utf8_valid(key, len))
		violations_add(out, "key", "must be UTF-8");
	return out->n == before;
}

/* jansson refuses invalid UTF-8, unpaired surrogates and \u0000 by itself: all
 * of them Postgres would refuse, too. */
static json_t *parse(const char *body, size_t len, struct validation *out)
{
	json_error_t error;
	json_t *doc = json_loadb(
	    body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (doc)
		return doc;
	out->validity = NOT_JSON;
	out->offset = error.position > 0 ? (size_t)error.position : 0;
	/* The text quotes the input, which may be anything. */
	bool quotable = utf8_valid(error.text, strlen(error.text));
	snprintf(out->message, sizeof out->message, "%s",
	    quotable ? error.text : "not UTF-8");
	return NULL;
}

static const struct field *field_of(
    const struct collection *c, const char *name)
{
	for (size_t i = 0; i < c->nfields; i++) {
		if (strcmp(c->fields[i].name, name) == 0)
			return &c->fields[i];
	}
	return NULL;
}

struct check {
	const struct collection *c;
	enum validate_as as;
	const char *key;
	size_t key_len;
	struct violations *out;
};

static void check_type(
    const struct check *k, const struct field *f, const json_t *value)
{
	switch (f->type) {
	case FIELD_STRING:
		if (!json_is_string(value))
			violations_add(k->out, f->name, "must be a string");
		return;
	case FIELD_INTEGER:
		if (!json_is_integer(value))
			violations_add(
			    k->out, f->name, "must be an integer of 64 bits");
		return;
	case FIELD_NUMBER:
		if (!json_is_number(value))
			violations_add(k->out, f->name, "must be a number");
		return;
	}
}

static void check_field(
    const struct check *k, const struct field *f, const json_t *value)
{
	if (k->as == VALIDATE_INCREMENT && f->type == FIELD_STRING)
		violations_add(k->out, f->name, "cannot be incremented");
	else if (!json_is_null(value) || k->as == VALIDATE_INCREMENT)
		check_type(k, f, value);
	else if (f->required)
		violations_add(k->out, f->name, "is required, not null");
}

static void check_member(
    const struct check *k, const char *name, const json_t *value)
{
	const struct field *f = field_of(k->c, name);
	if (f) {
		check_field(k, f, value);
		return;
	}
	if (strcmp(name, "key") != 0 || k->as == VALIDATE_INCREMENT) {
		violations_add(
		    k->out, name, "is not a field of %s", k->c->name);
		return;
	}
	if (!json_is_string(value) || json_string_length(value) != k->key_len ||
	    memcmp(json_string_value(value), k->key, k->key_len) != 0)
		violations_add(
		    k->out, "key", "differs from the key in the path");
}

static void check_object(const struct check *k, const json_t *doc)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)doc, name, value)
	{
		check_member(k, name, value);
	}
	if (k->as == VALIDATE_INCREMENT && json_object_size(doc) == 0)
		violations_add(k->out, NULL, "names no field to increment");
	for (size_t i = 0; k->as == VALIDATE_WHOLE && i < k->c->nfields; i++) {
		const struct field *f = &k->c->fields[i];
		if (f->required && json_object_get(doc, f->name) == NULL)
			violations_add(k->out, f->name, "is required");
	}
}

void validate_document(const struct collection *c, enum validate_as as,
    const char *key, size_t key_len, const char *body, size_t len,
    struct validation *out)
{
	*out = (struct validation){.validity = VALID};
	json_t *doc = parse(body, len, out);
	if (doc == NULL)
		return;
	const struct check k = {c, as, key, key_len, &out->violations};
	if (json_is_object(doc))
		check_object(&k, doc);
	else
		violations_add(k.out, NULL, "must be an object");
	json_decref(doc);
	if (out->violations.n)
		out->validity = INVALID;
}

static void want_string(
    const json_t *doc, const char *name, struct violations *out)
{
	const json_t *v = json_object_get(doc, name);
	if (v == NULL)
		violations_add(out, name, "is required");
	else if (!json_is_string(v))
		violations_add(out, name, "must be a string");
}

static char *take_string(const json_t *doc, const char *name)
{
	const json_t *v = json_object_get(doc, name);
	return mem_strndup(json_string_value(v), json_string_length(v));
}

void validate_seed_write(const char *body, size_t len, struct validation *out,
    char **key, char **value)
{
	*out = (struct validation){.validity = VALID};
	json_t *doc = parse(body, len, out);
	if (doc == NULL)
		return;
	struct violations *v = &out->violations;
	if (json_is_object(doc)) {
		want_string(doc, "key", v);
		want_string(doc, "value", v);
	} else {
		violations_add(v, NULL, "must be an object");
	}
	const char *name;
	json_t *member;
	json_object_foreach(doc, name, member)
	{
		if (strcmp(name, "key") != 0 && strcmp(name, "value") != 0)
			violations_add(v, name, "is not a field");
	}
	const json_t *k = json_object_get(doc, "key");
	if (v->n == 0)
		validate_key(json_string_value(k), json_string_length(k), v);
	if (v->n == 0) {
		*key = take_string(doc, "key");
		*value = take_string(doc, "value");
	} else {
		out->validity = INVALID;
	}
	json_decref(doc);
}
