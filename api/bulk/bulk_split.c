#include "api/bulk/bulk_split.h"

#include <string.h>

void split_start(struct split *s, enum split_form form, size_t max)
{
	*s = (struct split){
	    .form = form,
	    .max = max,
	    .place = form == SPLIT_ARRAY ? SPLIT_OPENING : SPLIT_BETWEEN,
	};
}

void split_free(struct split *s)
{
	buf_free(&s->text);
}

static enum split_what fail(struct split *s, size_t at, const char *what)
{
	s->at = at;
	s->fault = what;
	return SPLIT_FAULT;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* --- inside an item ------------------------------------------------------ */

/* A bracket, a comma or a quote outside of strings. False: the element ends in
 * front of it. */
static bool pass_mark(struct split *s, char c)
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

static const char *element_end(struct split *s, const char *p, const char *end)
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

static void hold(struct split *s, const char *p, size_t len)
{
	s->length += len;
	if (s->length <= s->max)
		buf_add(&s->text, p, len);
	else
		buf_free(&s->text);
}

static enum split_what whole(struct split *s)
{
	s->told = true;
	return s->length > s->max ? SPLIT_LONG : SPLIT_ITEM;
}

static enum split_what inside(struct split *s, const char **p, const char *end)
{
	const char *stop = s->form == SPLIT_LINES
			       ? memchr(*p, '\n', (size_t)(end - *p))
			       : element_end(s, *p, end);
	hold(s, *p, (size_t)((stop ? stop : end) - *p));
	*p = stop ? stop + 1 : end;
	if (stop == NULL)
		return SPLIT_MORE;
	s->place = *stop == ']' ? SPLIT_BEHIND : SPLIT_BETWEEN;
	return whole(s);
}

/* --- around items -------------------------------------------------------- */

/* At a byte that is not blank. */
static enum split_what outside(struct split *s, const char **p, size_t at)
{
	char c = **p;
	if (s->place == SPLIT_OPENING) {
		if (c != '[')
			return fail(s, at, "an array is expected");
		s->place = SPLIT_FIRST;
	} else if (s->place == SPLIT_BEHIND) {
		return fail(s, at, "more follows behind the array");
	} else if (s->place == SPLIT_FIRST && c == ']') {
		s->place = SPLIT_BEHIND;
	} else if (s->form == SPLIT_ARRAY && (c == ',' || c == ']')) {
		return fail(s, at, "a value is expected");
	} else {
		s->place = SPLIT_INSIDE;
		s->at = at;
		return SPLIT_MORE;
	}
	++*p;
	return SPLIT_MORE;
}

static void forget(struct split *s)
{
	buf_clear(&s->text);
	s->length = 0;
	s->told = false;
}

enum split_what split_feed(
    struct split *s, const char *data, size_t len, size_t *used)
{
	enum split_what what = SPLIT_MORE;
	const char *p = data, *end = data + len;
	if (s->told)
		forget(s);
	while (p < end && what == SPLIT_MORE) {
		if (s->place == SPLIT_INSIDE)
			what = inside(s, &p, end);
		else if (is_blank(*p))
			p++;
		else
			what = outside(s, &p, s->taken + (size_t)(p - data));
	}
	*used = (size_t)(p - data);
	s->taken += *used;
	return what;
}

enum split_what split_finish(struct split *s)
{
	if (s->told)
		forget(s);
	if (s->place == SPLIT_BEHIND ||
	    (s->form == SPLIT_LINES && s->place == SPLIT_BETWEEN))
		return SPLIT_END;
	if (s->form == SPLIT_ARRAY)
		return fail(s, s->taken, "ends too early");
	s->place = SPLIT_BETWEEN; /* the last line has no end of its own */
	return whole(s);
}
