/* How ECMA-262 with the flag `u`, as JSON Schema recommends, maps to PCRE2:
 *
 *   $      the very end            PCRE2_DOLLAR_ENDONLY
 *   []     matches nothing         PCRE2_ALLOW_EMPTY_CLASS
 *   \uXXXX \u{X} \xXX              PCRE2_ALT_BSUX, PCRE2_EXTRA_ALT_BSUX
 *   \d \w \b  are ASCII            no PCRE2_UCP
 *   .      no line terminator      written out: PCRE2 has other terminators
 *   \s \S  Unicode's white space   written out, except `\S` within a class
 *   \p{Letter}                     its short name, \p{L}
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "common/schema/pattern.h"

#include "common/base/buf.h"
#include "common/base/check.h"
#include "common/base/mem.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAP_KIB = 8192, CHARACTERS = 16 };

struct pattern {
	pcre2_code *code;
	char *text; /* that was compiled: callouts have offsets in it */
};

/* --- what is not ECMA-262 ------------------------------------------------ */

/* s is after `(`. */
static bool group_is_foreign(const char *s, const char *end)
{
	static const char *const known[] = {"?:", "?=", "?!", "?<=", "?<!"};
	if (s == end || (*s != '?' && *s != '*'))
		return false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		size_t len = strlen(known[i]);
		if ((size_t)(end - s) >= len && memcmp(s, known[i], len) == 0)
			return false;
	}
	/* (?<name>…) */
	return !(end - s > 2 && s[0] == '?' && s[1] == '<' &&
		 (s[2] == '_' || s[2] == '$' || (s[2] | 0x20) >= 'a'));
}

/* c follows a backslash. Is it a letter that only PCRE2 knows? `\0` and back
 * references are the same in both. */
static bool escape_is_foreign(char c)
{
	bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
	return letter && strchr("dDwWsSbBfnrtvcxukpP", c) == NULL;
}

/* `\p{…}` and `\u{…}` are escapes as a whole. */
static const char *last_of_escape(const char *s, const char *end)
{
	bool braces = s + 2 < end && strchr("pPu", s[1]) && s[2] == '{';
	const char *close = braces ? memchr(s, '}', (size_t)(end - s)) : NULL;
	return close ? close : s + 1;
}

static bool is_quantifier(char c)
{
	return c == '*' || c == '+' || c == '?' || c == '}';
}

/* What makes the pattern foreign to ECMA-262; NULL: nothing was found. */
static const char *foreign(const char *s, const char *end)
{
	bool class = false, quantified = false;
	for (; s < end; s++) {
		if (*s == '\\') {
			if (s + 1 < end && escape_is_foreign(s[1]))
				return "has an escape that ECMA-262 does not "
				       "have";
			quantified = false;
			s = last_of_escape(s, end);
		} else if (class) {
			class = *s != ']';
			quantified = false;
		} else if (*s == '(' && group_is_foreign(s + 1, end)) {
			return "has a group that ECMA-262 does not have";
		} else if (quantified && *s == '+') {
			return "has a quantifier that ECMA-262 does not have";
		} else {
			/* `a+?` is lazy. After its `?`, the next quantifier is
			 * a new one. */
			quantified =
			    is_quantifier(*s) && !(quantified && *s == '?');
			class = *s == '[';
		}
	}
	return NULL;
}

/* --- what is written otherwise ------------------------------------------- */

#define TERMINATORS "\\n\\r\\u2028\\u2029"
/* All white space: PCRE2's own `\s` and what it lacks. */
#define SPACES                                                                 \
	"\\s\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"  \
	"\\ufeff"

static const struct {
	const char *longer, *shorter;
} properties[] = {
    {"Letter", "L"},
    {"Lowercase_Letter", "Ll"},
    {"Uppercase_Letter", "Lu"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Mark", "M"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"Letter_Number", "Nl"},
    {"Punctuation", "P"},
    {"Symbol", "S"},
    {"Currency_Symbol", "Sc"},
    {"Math_Symbol", "Sm"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Other", "C"},
    {"Control", "Cc"},
    {"digit", "Nd"},
    {"Alphabetic", "L"},
};

/* s is at the name of \p{…}. Appends the name for PCRE2; returns the length of
 * the original one. */
static size_t add_property(struct buf *out, const char *s, const char *end)
{
	const char *close = memchr(s, '}', (size_t)(end - s));
	size_t len = close ? (size_t)(close - s) : 0;
	for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
		if (len == strlen(properties[i].longer) &&
		    memcmp(s, properties[i].longer, len) == 0) {
			buf_str(out, properties[i].shorter);
			return len;
		}
	}
	buf_add(out, s, len);
	return len;
}

/* s is at a backslash. Returns the length of what was read. */
static size_t add_escape(
    struct buf *out, const char *s, const char *end, bool class)
{
	if (s + 1 == end) {
		buf_char(out, '\\');
		return 1;
	}
	if (s[1] == 's' || (s[1] == 'S' && !class)) {
		buf_str(out, class	   ? SPACES
			     : s[1] == 's' ? "[" SPACES "]"
					   : "[^" SPACES "]");
		return 2;
	}
	buf_add(out, s, 2);
	if ((s[1] | 0x20) != 'p' || s + 2 == end || s[2] != '{')
		return 2;
	buf_char(out, '{');
	return 3 + add_property(out, s + 3, end);
}

static void translate(struct buf *out, const char *s, const char *end)
{
	bool class = false;
	while (s < end) {
		if (*s == '\\') {
			s += add_escape(out, s, end, class);
			continue;
		}
		if (*s == '.' && !class)
			buf_str(out, "[^" TERMINATORS "]");
		else
			buf_char(out, *s);
		/* With PCRE2_ALLOW_EMPTY_CLASS, the first `]` ends a class. */
		class = class ? *s != ']' : *s == '[';
		s++;
	}
}

/* --- PCRE2 --------------------------------------------------------------- */

static pcre2_code *compile(
    const struct buf *text, char fault[PATTERN_FAULT_LEN])
{
	int error;
	PCRE2_SIZE at;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	CHECK(context != NULL);
	pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
	pcre2_code *code =
	    pcre2_compile((PCRE2_SPTR)(text->data ? text->data : ""), text->len,
		PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOLLAR_ENDONLY |
		    PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF |
		    PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C |
		    PCRE2_AUTO_CALLOUT,
		&error, &at, context);
	pcre2_compile_context_free(context);
	if (code == NULL) {
		PCRE2_UCHAR text_of[100];
		pcre2_get_error_message(error, text_of, sizeof text_of);
		snprintf(fault, PATTERN_FAULT_LEN, "at character %zu: %s", at,
		    (char *)text_of);
	}
	return code;
}

struct pattern *pattern_new(
    const char *text, size_t len, char fault[PATTERN_FAULT_LEN])
{
	const char *what = foreign(text, text + len);
	if (what) {
		snprintf(fault, PATTERN_FAULT_LEN, "%s", what);
		return NULL;
	}
	struct buf b = {0};
	translate(&b, text, text + len);
	pcre2_code *code = compile(&b, fault);
	if (code == NULL) {
		buf_free(&b);
		return NULL;
	}
	struct pattern *p = MEM_NEW(struct pattern);
	buf_str(&b, ""); /* never NULL */
	p->code = code;
	p->text = buf_take(&b, NULL);
	return p;
}

/* --- matching ------------------------------------------------------------ */

struct work {
	const char *text; /* the pattern */
	size_t done;
	size_t at; /* place in the subject at the step before */
};

/* How many characters the next item may read before it fails. If it fails, no
 * step tells of them: the n characters that `{n}` needs, those that `\1`
 * compares. Other items fail at their first character. */
static size_t unseen(const struct work *w, const pcre2_callout_block *b)
{
	const char *item = w->text + b->pattern_position;
	size_t len = b->next_item_length;
	size_t left = b->subject_length - b->current_position;
	if (len > 1 && item[0] == '\\' &&
	    ((item[1] >= '1' && item[1] <= '9') || item[1] == 'k'))
		return b->current_position < left ? b->current_position : left;
	if (len > 1 && item[len - 1] == '?')
		len--;
	const char *brace =
	    len > 1 && item[len - 1] == '}' ? memrchr(item, '{', len) : NULL;
	size_t least = brace ? strtoul(brace + 1, NULL, 10) : 0;
	return least < left ? least : left;
}

/* PCRE2 calls this before each item of the pattern that it tries, at every
 * place of the subject. PCRE2's own limit would not do: it starts again at each
 * place where a match may begin, and it counts a repeat that walks over the
 * whole subject as one step. Here a step costs one, and one more for each
 * CHARACTERS characters that were walked over. So the count is proportional to
 * the time. */
static int pattern_count(pcre2_callout_block *b, void *arg)
{
	struct work *w = arg;
	size_t at = b->current_position;
	size_t moved = at > w->at ? at - w->at : w->at - at;
	w->at = at;
	w->done += 1 + (moved + unseen(w, b)) / CHARACTERS;
	return w->done > PATTERN_WORK_MOST ? PCRE2_ERROR_CALLOUT : 0;
}

static int pattern_run(
    const struct pattern *p, const char *subject, size_t len, struct work *work)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	CHECK(data != NULL && context != NULL);
	pcre2_set_callout(context, pattern_count, work);
	pcre2_set_heap_limit(context, HEAP_KIB);
	int rc = pcre2_match(p->code, (PCRE2_SPTR)subject, len, 0,
	    PCRE2_NO_UTF_CHECK, data, context);
	pcre2_match_context_free(context);
	pcre2_match_data_free(data);
	return rc;
}

enum pattern_match pattern_counted(
    const struct pattern *p, const char *subject, size_t len, size_t *work)
{
	struct work w = {.text = p->text};
	int rc = pattern_run(p, subject, len, &w);
	*work = w.done;
	if (rc >= 0)
		return PATTERN_YES;
	return rc == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_TOO_COMPLEX;
}

enum pattern_match pattern_matches(
    const struct pattern *p, const char *subject, size_t len)
{
	size_t ignored;
	return pattern_counted(p, subject, len, &ignored);
}

void pattern_free(struct pattern **pp)
{
	struct pattern *p = *pp;
	if (p == NULL)
		return;
	pcre2_code_free(p->code);
	free(p->text);
	free(p);
	*pp = NULL;
}
