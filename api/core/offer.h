/* Checks whether a route can give what a request asks for: a media type that
 * the route answers with (RFC 9110, 15.5.7); no query if the route takes none.
 */
#pragma once

#include "api/core/problem.h"
#include "api/core/request.h"

/* Checks the request against r->route. STEP_DONE: it was refused. */
enum step_result offer_check(struct request *r);
/* Answers with the problem, which names the parameter. */
enum step_result offer_refuse(struct request *r, enum problem p,
    const char *parameter, const char *detail);
/* Copies the name of a parameter: the longest prefix that is valid UTF-8 and
 * fits, with its NUL. */
enum { OFFER_NAME = 64 };
void offer_name(char out[OFFER_NAME], const char *name);
/* The name of the first parameter of the query; false: there is none. */
bool offer_parameter(const struct request *r, char out[OFFER_NAME]);
