/* Responses: what every answer has in common. */
#pragma once

#include "api/core/problem.h"
#include "api/core/request.h"

/* Counts an answer that is not queued here. */
void answer_count(struct request *r, unsigned status);
/* Takes the response, queues it and counts it; while the request begins, keeps
 * it until it may be queued. */
enum step_result answer_queue(
    struct request *r, unsigned status, struct MHD_Response *response);
/* Queues a shared, frozen response; borrows it. */
enum step_result answer_shared(
    struct request *r, unsigned status, struct MHD_Response *response);
/* A new response of owned bytes, which it empties. */
struct MHD_Response *answer_body(struct buf *body, const char *type);
/* A new response to a HEAD, where a GET has a stream: without a length. */
struct MHD_Response *answer_head_of_stream(const char *type);
enum step_result answer_json(
    struct request *r, unsigned status, struct buf *body);

/* A problem (RFC 9457), with Retry-After where it is a 503. */
enum step_result answer_problem(
    struct request *r, enum problem p, const char *detail);
/* The same, with another Retry-After than the usual second. */
enum step_result answer_retry(
    struct request *r, enum problem p, const char *detail, unsigned seconds);
/* Clients hold as many bytes of answers as they may. */
enum step_result answer_full(struct request *r);
/* With its violations, which it frees. */
enum step_result answer_violations(struct request *r, struct violations *v);
struct MHD_Response *answer_problem_response(enum problem p, const char *detail,
    const struct violations *v, const char *extra);
