/* The claims that declarations name as the owner of a document ("owner").
 *
 * A principal keeps the values of these claims only. One thread adds claims:
 * that of the start, then the main loop, if SIGHUP brings declarations with
 * other claims. Any thread may read them meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { CLAIMS_MAX = 8 };

/* The subject of the principal, of whatever kind it is. Its index is 0. */
#define CLAIM_SUBJECT "sub"

/* Adds the claim. False: there are CLAIMS_MAX of them, or the name is empty or
 * longer than 63 bytes. */
bool claims_add(const char *name, size_t len, unsigned *index);
/* The number of claims: at least 1. */
size_t claims_count(void);
/* The i-th, as a JSON pointer if it begins with `/`, else the name of a member.
 */
const char *claims_at(size_t i);
/* Of tests: forgets all of them. */
void claims_forget(void);
