/* The roles that declarations and settings grant something to.
 *
 * A role is a name: a lower-case letter, then lower-case letters, digits, `_`
 * and `-`, up to 63 characters. Each gets a bit of a set, so that a right is
 * checked with one `and`. Credentials may name other roles; nothing is granted
 * to these, so they are not kept.
 *
 * One thread adds roles: that of the start, then the main loop, if SIGHUP
 * brings declarations with other roles. Any thread may read them meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t role_set;

/* What is granted to this role is granted to everybody. Who sends no credential
 * has no other role. */
#define ROLE_ANONYMOUS "anonymous"
/* What is granted to this role is granted to everybody with a credential. */
#define ROLE_AUTHENTICATED "authenticated"

/* Is it a name that a role may have? */
bool role_name_valid(const char *name, size_t len);
/* Adds the role to the set. The name must be valid (CHECK). False: there are 64
 * roles already. */
bool roles_grant(role_set *set, const char *name, size_t len);
/* The role as a set; empty: nothing is granted to this role. */
role_set roles_find(const char *name, size_t len);
/* The roles of a list, separated by blanks or commas; those that nothing is
 * granted to are left out. */
role_set roles_of_list(const char *list);
/* The two roles above, as sets. */
role_set roles_anonymous(void);
role_set roles_authenticated(void);
/* Of tests: forgets all of them. */
void roles_forget(void);
