#include "common/base/log_json.h"

#include "common/base/utf8.h"

#include <stdbool.h>
#include <string.h>

/* A field, as the format string has it. */
struct log_field {
	const char *name;
	size_t name_len;
	bool number;
};

struct log_text {
	const char *p, *end;
};

/* --- the format string --------------------------------------------------- */

/* Is it one conversion of an integer to decimal digits? */
static bool is_number(const char *value, size_t len)
{
	if (len < 2 || value[0] != '%' || strchr("diu", value[len - 1]) == NULL)
		return false;
	for (size_t i = 1; i + 1 < len; i++) {
		if (strchr("0123456789lzjt", value[i]) == NULL)
			return false;
	}
	return true;
}

static size_t value_length(const char *value)
{
	if (*value != '"')
		return strcspn(value, " ");
	size_t len = 1 + strcspn(value + 1, "\"");
	return len + (value[len] == '"');
}

/* Takes the next field from the format. False: there is none. */
static bool next_field(const char **fields, struct log_field *out)
{
	const char *name = *fields + strspn(*fields, " ");
	size_t len = strcspn(name, "=");
	if (name[len] != '=')
		return false;
	const char *value = name + len + 1;
	size_t value_len = value_length(value);
	*out = (struct log_field){name, len, is_number(value, value_len)};
	*fields = value + value_len;
	return true;
}

/* --- the text ------------------------------------------------------------ */

/* Is the field's name, with its `=`, at p? */
static bool field_begins(
    const struct log_field *f, const char *p, const char *end)
{
	return (size_t)(end - p) > f->name_len &&
	       memcmp(p, f->name, f->name_len) == 0 && p[f->name_len] == '=';
}

/* Behind the value that is not quoted: at the blank in front of `next`. */
static const char *end_of_bare(
    const struct log_text *t, const struct log_field *next)
{
	const char *p = t->p;
	for (; next && p < t->end; p++) {
		if (*p == ' ' && field_begins(next, p + 1, t->end))
			return p;
	}
	return t->end;
}

/* Resolves the escapes of log_quote. t->p is at the quote; it moves behind the
 * closing one. */
static void take_quoted(struct log_text *t, struct buf *out)
{
	for (t->p++; t->p < t->end && *t->p != '"'; t->p++) {
		if (*t->p == '\\' && t->p + 1 < t->end)
			t->p++;
		buf_char(out, *t->p);
	}
	t->p += t->p < t->end;
}

static bool is_digits(const char *s, size_t len)
{
	size_t sign = len && s[0] == '-';
	for (size_t i = sign; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
	}
	return len > sign;
}

static void add_string(struct buf *out, const char *s, size_t len)
{
	struct buf valid = {0};
	for (size_t n; (n = utf8_prefix(s, len)) < len; s += n + 1) {
		buf_add(&valid, s, n);
		buf_str(&valid, "\xef\xbf\xbd");
		len -= n + 1;
	}
	buf_add(&valid, s, len);
	buf_json(out, valid.data, valid.len);
	buf_free(&valid);
}

/* `next` NULL: it is the last field. */
static void add_value(struct buf *out, const struct log_field *f,
    const struct log_field *next, struct log_text *t)
{
	struct buf value = {0};
	if (t->p < t->end && *t->p == '"')
		take_quoted(t, &value);
	const char *end = end_of_bare(t, next);
	buf_add(&value, t->p, (size_t)(end - t->p));
	t->p = end;
	if (f->number && is_digits(value.data, value.len))
		buf_add(out, value.data, value.len);
	else
		add_string(out, value.data, value.len);
	buf_free(&value);
}

void log_json_fields(
    struct buf *out, const char *fields, const char *text, size_t len)
{
	struct log_text t = {text, text + len};
	struct log_field f, next;
	bool more = next_field(&fields, &next);
	while (more) {
		f = next;
		more = next_field(&fields, &next);
		t.p += t.p < t.end && *t.p == ' ';
		if (!field_begins(&f, t.p, t.end))
			return;
		t.p += f.name_len + 1;
		buf_char(out, ',');
		add_string(out, f.name, f.name_len);
		buf_char(out, ':');
		add_value(out, &f, more ? &next : NULL, &t);
	}
}
