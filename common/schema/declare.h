/* One declaration: from the text of its file to a collection.
 *
 * What is not understood is refused, with its place: a keyword that is passed
 * over would be a rule that nobody keeps.
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
