/* What both ways into the log share: one document (api/write/write.c), and many
 * at once (api/bulk/bulk.c). */
#pragma once

#include "api/core/problem.h"
#include "api/core/route.h"
#include "api/http/prefer.h"
#include "api/write/decision.h"
#include "api/write/write_log.h"
#include "common/trace/span.h"

extern const struct feature write_feature;

/* The state of a request that writes. Owned by the request, from write_enter to
 * write_free. */
struct write_op {
	enum record_op op;
	bool creates;	   /* a POST: it names its key, or gets one */
	size_t operations; /* of a batch */
	bool judged;	   /* it is known whether the body is a bulk */
	char *doc;	   /* replaces the body; owned; NULL: the body */
	size_t doc_len;
	struct prefer prefer;
	bool made;	 /* it is committed, and has created its row */
	bool represents; /* it is committed; its row is being read */
	enum record_condition condition;
	struct buf versions;   /* from If-Match, in the form of the log */
	char *idempotency_key; /* NULL: none */
	uint64_t fingerprint;  /* of the request, for its Idempotency-Key */
	dur_us_t wait_for;     /* maximum wait for the commit; 0: none */
	/* For Server-Timing and the slow log; 0: it has not come so far. */
	mono_us_t appended, acked, heard;
	bool waits; /* for its commit: it has a place of r->share */
	struct append *append;
	struct span_start send; /* of the append; none: it is not traced */
	enum delivery_status delivered;
	bool has_position;
	struct position position; /* of a replay: of the first write */
	bool replayed;
	struct decision_ask *ask; /* in flight */
	struct decision decision;
};

/* For every request that writes one document: the functions of struct feature
 * with these names.
 */
void write_enter(struct request *r);
bool write_release(struct request *r);
void write_trace(const struct request *r, struct span *s);
void write_free(struct request *r);
void write_describe(const struct request *r, struct MHD_Response *response);
const char *write_source(const struct request *r, struct buf *stages);

/* Called after the commit: reads the row, as read_feature does. If that fails,
 * the surface's receipt is the answer, since the write succeeded. */
enum step_result write_read_row(struct request *r);

/* A document of the request is in the log. */
void write_count_accepted(const struct request *r);

/* Who writes; s is NULL: it is not known. Borrowed from the request. */
struct record_text write_by(const struct request *r);

struct write_refusal {
	enum problem problem;
	const char *detail; /* NULL: the title of the problem is enough */
	unsigned retry_s;
};

/* True: nothing can be appended for the collection (NULL: for those of a batch,
 * which checks them) now; *out says why. Counts
 * the writes that it sheds. */
bool write_refused(const struct thread *t, const struct collection *c,
    struct write_refusal *out);
