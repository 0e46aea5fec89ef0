/* What a request may ask of any route: a media type that the route answers with
 * (RFC 9110, 15.5.7), and no query where the route takes none.
 */
#pragma once

#include "api/core/problem.h"
#include "api/core/request.h"

/* Of r->route. STEP_DONE: it was refused. */
enum step_result offer_check(struct request *r);
/* Answers 400, and names the parameter. */
enum step_result offer_refuse(struct request *r, enum problem p,
    const char *parameter, const char *detail);
/* Of a parameter's name so much as is UTF-8 and has room, with its NUL. */
enum { OFFER_NAME = 64 };
void offer_name(char out[OFFER_NAME], const char *name);
/* The first parameter of the query; false: there is none. */
bool offer_parameter(const struct request *r, char out[OFFER_NAME]);
