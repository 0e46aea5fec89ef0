/* `pattern` of a field: a regular expression as ECMA-262 has it, by PCRE2.
 *
 * It is not anchored, as in JSON Schema. Constructs that only PCRE2 knows are
 * refused, so that a declaration has the same meaning everywhere. A pattern is
 * compiled once and used by any thread.
 *
 * PCRE2 backtracks: some patterns take time that grows with the square of the
 * subject's length, or faster. So the work of a match is counted, and a match
 * ends with PATTERN_TOO_COMPLEX when it passes a fixed amount, which takes a
 * few milliseconds. Whether it does depends on the pattern and the subject
 * alone, not on the machine. PCRE2's compiler to machine code is not used.
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
/* The same, and returns the number of steps. */
enum pattern_match pattern_counted(
    const struct pattern *p, const char *subject, size_t len, size_t *work);
enum { PATTERN_WORK_MOST = 100000 };
void pattern_free(struct pattern **p);
