/* Values within objects and arrays (pure core): a field of type object or array
 * may declare its members or its elements, and these theirs. Only the API
 * checks them, as it does patterns.
 */
#pragma once

#include "common/schema/field.h"

/* Levels below the field, and members of one object. */
enum { NESTED_DEPTH = 8, NESTED_MEMBERS = 64 };

/* Does the field declare anything about what is within its values? */
bool nested_has(const struct field *f);
/* The member of that name, a string; f->nmembers: there is none. */
size_t nested_member(const struct field *f, struct jsonslice name);
/* One fault: `pointer` is its place in the document (RFC 6901), `why` is for
 * people. False: no more are wanted. */
typedef bool (*nested_found)(void *arg, const char *pointer, const char *why);
/* Checks what is within a value of the field, which has the type of the field;
 * the value itself is not checked (field_faults). `patch`: it is the member of
 * a merge patch. Then null removes a member, and a member that is left out
 * stays as it is. True: there is no fault. */
bool nested_check(const struct field *f, struct jsonslice v, bool patch,
    nested_found found, void *arg);
