/* Orders of operators to reject a write: the way past one that cannot be
 * applied.
 *
 * POST /positions/{position}/reject puts an order into sluice.orders. The owner
 * of the partition reads them whenever it has connected, with each look at the
 * watermarks and after each request, and refuses the write when it is about to
 * apply it. The transaction that records the rejection takes the order away, so
 * that it outlives its writer until then.
 */
#pragma once

#include "common/daemon/admin.h"
#include "common/log/version.h"
#include "writer/decide/write.h"

#include <libpq-fe.h>

struct context;
struct orders;

struct orders *orders_new(struct context *x);
void orders_free(struct orders **o);

/* No parameters. Columns (binary): partition int4, version int8. */
extern const char orders_sql[];
/* Takes notice of its answer, which is all orders that there are. True: there
 * is one that was not known. */
bool orders_read(struct orders *o, const PGresult *r);
bool orders_has(const struct orders *o, int32_t partition, version_t version);
/* Refuses those of the writes that an order is about. */
void orders_refuse(
    const struct orders *o, int32_t partition, struct write *writes, size_t n);

/* POST /positions/{position}/reject. `end`: the end of the partition's log; -1:
 * the partition is not this writer's. Answers, now or later. */
void orders_take(struct orders *o, struct position at, int64_t end,
    struct admin_exchange *x);
