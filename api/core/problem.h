/* Problem details (RFC 9457), one table: api/core/problems.def. No SQL, host
 * name or driver text in any of them.
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

/* One bad place of a document: a JSON pointer (RFC 6901) and what is wrong. */
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
/* Without the prefix. */
const char *problem_type(enum problem p);
/* The problem whose type is `type` (a reason's, common/log/reasons.def). */
enum problem problem_by_type(const char *type);
/* The document; detail and violations may be NULL. `extra` is more members,
 * `,"offset":12`, or NULL. */
void problem_write(struct buf *out, enum problem p, const char *detail,
    const struct violations *v, const char *extra);

/* The member `errors` with the comma in front of it; of none, nothing. */
void problem_errors(struct buf *out, const struct violations *v);

/* `name` NULL: the document itself; else the member of that name. Of very many,
 * the first hundred are kept. */
__attribute__((format(printf, 3, 4))) void violations_add(
    struct violations *v, const char *name, const char *fmt, ...);
void violations_free(struct violations *v);
