/* Checks whether a route can give what a request asks for: a media type that
 * the route answers with (RFC 9110, 15.5.7); no query if the route takes none.
 */
#pragma once

#include "api/core/problem.h"
#include "api/core/request.h"

/* Checks the request against r->route. STEP_DONE: it was refused. */
enum step_result offer_check(struct request *r);
/* The media type that the answer has, if it succeeds: of those that r->route
 * has, the one that Accept wants. */
const char *offer_type(const struct request *r);
/* Answers with the problem, which names the parameter. */
enum step_result offer_refuse(struct request *r, enum problem p,
    const char *parameter, const char *detail);
/* Copies the name of a parameter: the longest prefix that is valid UTF-8 and
 * fits, with its NUL. */
enum { OFFER_NAME = 64 };
void offer_name(char out[OFFER_NAME], const char *name);
#define OFFER_MALFORMED "has a malformed percent-encoding, or a NUL"
/* Calls `take` for each parameter of the query, decoded, until it returns
 * false. `value` NULL: a malformed percent-encoding, or a NUL; the name is a
 * part of the parameter's then, for people. */
typedef bool (*offer_take)(void *arg, const char *name, size_t name_len,
    const char *value, size_t len);
void offer_each(const struct request *r, offer_take take, void *arg);
/* The name of the first parameter of the query; false: there is none. */
bool offer_parameter(const struct request *r, char out[OFFER_NAME]);
