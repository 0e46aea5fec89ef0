#include "api/bulk/bulk_split.h"

#include <string.h>

void bulk_split_start(
    struct bulk_split *s, enum bulk_split_form form, size_t max)
{
	*s = (struct bulk_split){
	    .form = form,
	    .max = max,
	    .place = form == BULK_SPLIT_ARRAY ? BULK_SPLIT_OPENING
					      : BULK_SPLIT_BETWEEN,
	};
}

void bulk_split_free(struct bulk_split *s)
{
	buf_free(&s->text);
}

static enum bulk_split_what bulk_split_fail(
    struct bulk_split *s, size_t at, const char *what)
{
	s->at = at;
	s->fault = what;
	return BULK_SPLIT_FAULT;
}

static bool bulk_split_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* --- inside an item ------------------------------------------------------ */

/* Handles a bracket, a comma or a quote outside of strings. False: the element
 * ends before it. */
static bool pass_mark(struct bulk_split *s, char c)
{
	switch (c) {
	case '"':
		s->string = true;
		return true;
	case '{':
	case '[':
		s->depth++;
		return true;
	case ']':
	case '}':
		if (s->depth == 0)
			return c == '}';
		s->depth--;
		return true;
	default:
		return c != ',' || s->depth > 0;
	}
}

static const char *element_end(
    struct bulk_split *s, const char *p, const char *end)
{
	for (; p < end; p++) {
		if (s->escape) {
			s->escape = false;
		} else if (s->string) {
			s->escape = *p == '\\';
			s->string = *p != '"';
		} else if (!pass_mark(s, *p)) {
			return p;
		}
	}
	return NULL;
}

static void bulk_split_hold(struct bulk_split *s, const char *p, size_t len)
{
	s->length += len;
	if (s->length <= s->max)
		buf_add(&s->text, p, len);
	else
		buf_free(&s->text);
}

static enum bulk_split_what whole(struct bulk_split *s)
{
	s->told = true;
	return s->length > s->max ? BULK_SPLIT_LONG : BULK_SPLIT_ITEM;
}

static enum bulk_split_what bulk_split_inside(
    struct bulk_split *s, const char **p, const char *end)
{
	const char *stop = s->form == BULK_SPLIT_LINES
			       ? memchr(*p, '\n', (size_t)(end - *p))
			       : element_end(s, *p, end);
	bulk_split_hold(s, *p, (size_t)((stop ? stop : end) - *p));
	*p = stop ? stop + 1 : end;
	if (stop == NULL)
		return BULK_SPLIT_MORE;
	s->place = *stop == ']' ? BULK_SPLIT_BEHIND : BULK_SPLIT_BETWEEN;
	return whole(s);
}

/* --- around items -------------------------------------------------------- */

/* Handles a byte between items that is not blank. */
static enum bulk_split_what outside(
    struct bulk_split *s, const char **p, size_t at)
{
	char c = **p;
	if (s->place == BULK_SPLIT_OPENING) {
		if (c != '[')
			return bulk_split_fail(s, at, "an array is expected");
		s->place = BULK_SPLIT_FIRST;
	} else if (s->place == BULK_SPLIT_BEHIND) {
		return bulk_split_fail(
		    s, at, "unexpected text after the array");
	} else if (s->place == BULK_SPLIT_FIRST && c == ']') {
		s->place = BULK_SPLIT_BEHIND;
	} else if (s->form == BULK_SPLIT_ARRAY && (c == ',' || c == ']')) {
		return bulk_split_fail(s, at, "a value is expected");
	} else {
		s->place = BULK_SPLIT_INSIDE;
		s->at = at;
		return BULK_SPLIT_MORE;
	}
	++*p;
	return BULK_SPLIT_MORE;
}

static void bulk_split_forget(struct bulk_split *s)
{
	buf_clear(&s->text);
	s->length = 0;
	s->told = false;
}

enum bulk_split_what bulk_split_feed(
    struct bulk_split *s, const char *data, size_t len, size_t *used)
{
	enum bulk_split_what what = BULK_SPLIT_MORE;
	const char *p = data, *end = data + len;
	if (s->told)
		bulk_split_forget(s);
	while (p < end && what == BULK_SPLIT_MORE) {
		if (s->place == BULK_SPLIT_INSIDE)
			what = bulk_split_inside(s, &p, end);
		else if (bulk_split_is_blank(*p))
			p++;
		else
			what = outside(s, &p, s->taken + (size_t)(p - data));
	}
	*used = (size_t)(p - data);
	s->taken += *used;
	return what;
}

enum bulk_split_what bulk_split_finish(struct bulk_split *s)
{
	if (s->told)
		bulk_split_forget(s);
	if (s->place == BULK_SPLIT_BEHIND ||
	    (s->form == BULK_SPLIT_LINES && s->place == BULK_SPLIT_BETWEEN))
		return BULK_SPLIT_END;
	if (s->form == BULK_SPLIT_ARRAY)
		return bulk_split_fail(s, s->taken, "ends too early");
	s->place = BULK_SPLIT_BETWEEN; /* a last line without a line feed */
	return whole(s);
}
