/* JSON Pointer (RFC 6901), and the paths of settings that name a claim (pure
 * core).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* The syntax alone: "" or tokens that each begin with `/`; `~` only in `~0` and
 * `~1`; UTF-8. */
bool json_pointer_valid(const char *pointer);
/* Borrowed. NULL: the document has no such value. The pointer is valid
 * (CHECK). */
json_t *json_pointer_find(json_t *document, const char *pointer);

/* A path is a pointer that begins with `/`, or else the name of a member of the
 * outermost object, as it is: `sub`, `/realm_access/roles`. A claim may be
 * named by a URL (RFC 7519, 4.2), which is therefore a name. */
bool json_pointer_path_valid(const char *path);
json_t *json_pointer_path_find(json_t *document, const char *path);
