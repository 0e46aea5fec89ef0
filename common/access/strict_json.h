/* JSON objects of foreigners, read strictly (pure core): a duplicate member is
 * a fault, since readers disagree about its meaning (RFC 8725, 2.4 and 3.10).
 *
 * A fault never quotes the text: it may be a secret.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct strict_json_fault {
	int line, column; /* from 1 */
	bool duplicate;
	const char *what;
};

/* Returns owned, an object; NULL: the text is not one. */
json_t *strict_json_parse(
    const char *text, size_t len, struct strict_json_fault *fault);
