/* Reads one declaration: makes a collection from the text of its file.
 *
 * A keyword that is not known is refused, with its place. If it were ignored,
 * nobody would enforce its rule.
 */
#pragma once

#include "common/schema/collection.h"

struct declaration;

/* Where and why a declaration is refused. */
struct declare_fault {
	char pointer[128]; /* RFC 6901; of a syntax error: "" */
	char reason[200];
};

/* What is wrong with a declaration: as much as can be told at once. A fault
 * that may follow from another one is not looked for. */
enum { DECLARE_FAULTS = 20 };
struct declare_faults {
	struct declare_fault all[DECLARE_FAULTS];
	size_t n;
};

/* `stem`: the name of its file without `.json`. Returns owned; NULL: refused.
 * Copies the text. */
struct declaration *declare_all(const char *text, size_t len, const char *stem,
    struct declare_faults *faults);
/* The same, with the first fault. */
struct declaration *declare(const char *text, size_t len, const char *stem,
    struct declare_fault *fault);
/* Can the fields of a reference of `c` refer to the documents of `to`, the
 * collection that it names? NULL: there is none. FATAL: the error names the
 * place in the declaration and the reason. */
struct err declare_check_reference(const struct collection *c,
    const struct reference *r, const struct collection *to);
/* Lives as long as the declaration. */
struct collection *declaration_collection(struct declaration *d);
void declaration_free(struct declaration **d);
