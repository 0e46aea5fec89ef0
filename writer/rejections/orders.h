/* Orders of operators to reject a write that can be neither applied nor
 * rejected.
 *
 * POST /positions/{position}/reject puts an order into sluice.orders. The owner
 * of the partition reads the orders after each connect, with each check of the
 * watermarks, and after each request. It refuses the write when it is about to
 * apply it. The transaction that records the rejection deletes the order. So an
 * order is not lost if the writer dies.
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

/* Reads the result of bookkeeping_orders, which has all orders. True: one of
 * them is new. */
bool orders_read(struct orders *o, const PGresult *r);
bool orders_has(const struct orders *o, int32_t partition, version_t version);
/* Refuses the writes for which there is an order. */
void orders_refuse(
    const struct orders *o, int32_t partition, struct write *writes, size_t n);

/* POST /positions/{position}/reject. `end`: the end of the partition's log; -1:
 * the partition is not this writer's. Answers, now or later. */
void orders_take(struct orders *o, struct position at, int64_t end,
    struct admin_exchange *x);
