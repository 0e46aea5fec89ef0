/* What the other surfaces share with the native one. */
#pragma once

#include "api/core/request.h"
#include "api/write/validate.h"

/* Judges the body, and takes its document, with what was filled in, and its
 * key. False: it is not valid, and `v`, which is the caller's then, says why.
 */
bool native_take(struct request *r, enum validate_as as, struct validation *v);
/* Answers a document that is not valid; frees its violations. */
enum step_result native_refuse(struct request *r, struct validation *v);
/* Takes Prefer from the request's headers. */
void native_preferences(struct request *r);
/* The same, and the wait of the reference systems' writes: compat.write_wait,
 * unless the client says otherwise. */
void native_compat_wait(struct request *r);
