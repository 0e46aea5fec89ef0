/* What the ways into the log share: one document (api/write/write.c), and many
 * at once (api/bulk/bulk.c). */
#pragma once

#include "api/core/problem.h"
#include "api/core/route.h"
#include "api/http/prefer.h"
#include "api/write/decision.h"
#include "api/write/write_log.h"

extern const struct feature write_feature;

/* What is known of a request that writes. Owned by the request, from
 * write_enter to write_free. */
struct write_op {
	enum record_op op;
	bool creates; /* a POST: its key is in the document, or generated */
	bool judged;  /* it is known whether the body is a bulk */
	char *doc;    /* what is appended, if it is not the body; owned */
	size_t doc_len;
	struct prefer prefer;
	bool made;	 /* it is committed, and has made its row */
	bool represents; /* it is committed; its row is being read */
	enum record_condition condition;
	struct buf versions;   /* of an If-Match, as the log has it */
	char *idempotency_key; /* NULL: none */
	uint64_t fingerprint;  /* of the request that has it */
	dur_us_t wait_for;     /* the commit; 0: not at all */
	struct append *append;
	enum delivery_status delivered;
	bool has_position;
	struct position position;
	struct decision_ask *ask; /* in flight */
	struct decision decision;
};

/* Of any request that writes one document: as the functions of struct feature.
 */
void write_enter(struct request *r);
bool write_release(struct request *r);
void write_free(struct request *r);

/* It is committed: reads its row, as read_feature does; if that fails, the
 * surface's receipt is the answer, since the write did not fail. */
enum step_result write_read_row(struct request *r);

struct write_refusal {
	enum problem problem;
	const char *detail; /* NULL: the problem's own words */
	unsigned retry_s;
};

/* Can nothing be appended for the collection now? Counts what it sheds. */
bool write_refused(const struct thread *t, const struct collection *c,
    struct write_refusal *out);
