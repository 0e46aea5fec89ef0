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

/* `stem`: the name of its file without `.json`. Returns owned; NULL: refused.
 * Copies the text. */
struct declaration *declare(const char *text, size_t len, const char *stem,
    struct declare_fault *fault);
/* Lives as long as the declaration. */
struct collection *declaration_collection(struct declaration *d);
void declaration_free(struct declaration **d);
