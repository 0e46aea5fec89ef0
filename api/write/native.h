/* Steps of the native routes that other routes use, too. */
#pragma once

#include "api/core/request.h"
#include "api/http/prefer.h"
#include "api/write/validate.h"

/* Validates the body and takes its document, with its defaults, and its key.
 * False: it is not valid; `v` says why, and the caller frees it.
 */
bool native_take(struct request *r, enum validate_as as, struct validation *v);
/* An owner's document gets its owner, if it does not name one. False: it names
 * somebody else. */
bool native_is_own(struct request *r, enum validate_as as);
/* Answers 403. */
enum step_result native_foreign(struct request *r);
/* Answers that a document is not valid; frees its violations. */
enum step_result native_refuse(struct request *r, struct validation *v);
/* Takes Prefer from the request's headers. */
void native_preferences(struct request *r);
/* The same. Also sets the wait of the reference systems' writes:
 * compat.write_wait, unless the client asks otherwise. */
void native_compat_wait(struct request *r);
/* Sets the wait for the commit. `asks`: the write waits for its decision,
 * unless the client says otherwise. So does one with an Idempotency-Key. */
void native_wait(struct request *r, bool asks);
/* Takes Idempotency-Key from the request's headers. STEP_DONE: refused. */
enum step_result native_idempotency(struct request *r);
/* Answers with a receipt, whose body it takes. */
enum step_result native_accepted(struct request *r, struct buf *body);
/* Adds the headers that every answer to a write that waited has. */
void native_add_waited(
    struct request *r, struct MHD_Response *response, enum prefer_body body);
