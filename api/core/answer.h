/* Answers: what the answers of all features have in common. Each function that
 * returns enum step_result returns STEP_DONE. */
#pragma once

#include "api/core/problem.h"
#include "api/core/request.h"

/* Counts an answer that is queued elsewhere. */
void answer_count(struct request *r, unsigned status);
/* Takes the response, queues it and counts it. While a request is being checked
 * by its head, keeps the response until it may be queued. */
enum step_result answer_queue(
    struct request *r, unsigned status, struct MHD_Response *response);
/* Queues a response that is shared and must not be changed; borrows it. */
enum step_result answer_shared(
    struct request *r, unsigned status, struct MHD_Response *response);
/* Makes a response of the bytes of `body`, which is empty afterwards. Returns
 * owned. */
struct MHD_Response *answer_body(
    struct request *r, struct buf *body, const char *type);
/* Makes the response to a HEAD whose GET is a stream: it has no length. Returns
 * owned. */
struct MHD_Response *answer_head_of_stream(const char *type);
enum step_result answer_json(
    struct request *r, unsigned status, struct buf *body);

/* Answers with a problem (RFC 9457). A 503 gets Retry-After: 1. */
enum step_result answer_problem(
    struct request *r, enum problem p, const char *detail);
/* The same, with Retry-After: `seconds`. */
enum step_result answer_retry(
    struct request *r, enum problem p, const char *detail, unsigned seconds);
/* Answers 503: the answers that clients have not taken yet use the whole
 * budget. */
enum step_result answer_full(struct request *r);
/* Answers with the violations, which it frees. */
enum step_result answer_violations(struct request *r, struct violations *v);
/* The problem with the id of the request. `v` and `extra`: see problem_write.
 */
struct MHD_Response *answer_problem_response(struct request *r, enum problem p,
    const char *detail, const struct violations *v, const char *extra);
