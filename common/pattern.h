/* `pattern` of a field: a regular expression as ECMA-262 has it, by PCRE2.
 *
 * Not anchored, as in JSON Schema. What only PCRE2 understands is refused, so
 * that a declaration means the same to every reader of it. The work of a match
 * is bounded: a pattern that backtracks without end is an answer of its own,
 * never a hang. Compiled once, used by any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct pattern;

enum pattern_match { PATTERN_NO, PATTERN_YES, PATTERN_TOO_COMPLEX };

enum { PATTERN_FAULT_LEN = 160 };
/* Returns owned; NULL: it is none, `fault` says why. The text is UTF-8. */
struct pattern *pattern_new(
    const char *text, size_t len, char fault[PATTERN_FAULT_LEN]);
/* The subject is UTF-8. */
enum pattern_match pattern_matches(
    const struct pattern *p, const char *subject, size_t len);
void pattern_free(struct pattern **p);
