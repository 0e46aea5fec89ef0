/* Problem details (RFC 9457), one table: api/core/problems.def. They contain no
 * SQL, host name or driver text.
 */
#pragma once

#include "common/base/buf.h"

#include <stddef.h>

#define PROBLEM(id, type, status, title) id,
enum problem {
#include "api/core/problems.def"
	PROBLEM_COUNT
};
#undef PROBLEM

/* One fault of a document: where (a JSON pointer, RFC 6901) and what. */
struct violation {
	char *pointer;
	char *detail;
};

struct violations {
	struct violation *items;
	size_t n, cap;
};

#define PROBLEM_PREFIX "urn:sluice:problem:"

unsigned problem_status(enum problem p);
const char *problem_title(enum problem p);
/* Its type without PROBLEM_PREFIX. */
const char *problem_type(enum problem p);
/* The problem whose type, without the prefix, is `type` (common/log/reasons.def
 * has such types). */
enum problem problem_by_type(const char *type);
/* Appends the problem document. `detail` and `v` may be NULL. `extra`: further
 * members, such as `,"offset":12`, or NULL. */
void problem_write(struct buf *out, enum problem p, const char *detail,
    const struct violations *v, const char *extra);

/* Appends the member `errors` with a comma before it; nothing if there are no
 * violations. */
void problem_errors(struct buf *out, const struct violations *v);

/* Adds a violation. `name`: the member that is at fault; NULL: the whole
 * document. Only the first hundred are kept. */
__attribute__((format(printf, 3, 4))) void violations_add(
    struct violations *v, const char *name, const char *fmt, ...);
/* The same with a whole pointer, or "". */
void violations_add_at(
    struct violations *v, const char *pointer, const char *why);
/* Adds a violation of an element of an array. `pointer`: the place in the
 * element, a JSON pointer, or "". */
void violations_add_in(
    struct violations *v, size_t element, const char *pointer, const char *why);
void violations_free(struct violations *v);
