/* The batch policy, and bisection as a change of it.
 *
 * Bisection needs no tree: every part of a rejected batch is itself a batch
 * with a watermark of its own, applied in log order. A rejection halves the
 * limit, and each success doubles it. The good writes before a bad one are
 * committed on the way.
 *
 * When a batch is small enough, Postgres tries each of its writes
 * (BATCH_POLICY_TRIAL). Only if that does not find the bad one, bisection goes
 * on to single writes. Then one bad write among n costs about 2 log2 n
 * transactions. If every second write is bad, it is about 2.5 n.
 */
#include "writer/batch/batch_policy.h"

#include "common/base/check.h"

void batch_policy_init(
    struct batch_policy *p, size_t rows, size_t bytes, dur_us_t linger)
{
	CHECK(rows > 0 && bytes > 0 && linger >= 0);
	*p = (struct batch_policy){rows, bytes, linger, rows};
}

bool batch_policy_due(const struct batch_policy *p,
    const struct batch_policy_fill *f, mono_us_t now)
{
	if (f->rows == 0)
		return false;
	return f->rows >= p->limit || f->bytes >= p->bytes ||
	       now - f->oldest >= p->linger;
}

dur_us_t batch_policy_wait(const struct batch_policy *p,
    const struct batch_policy_fill *f, mono_us_t now)
{
	dur_us_t left = f->oldest + p->linger - now;
	return left > 0 ? left : 0;
}

bool batch_policy_takes(
    const struct batch_policy *p, size_t rows, size_t bytes, size_t next)
{
	return rows == 0 || (rows < p->limit && bytes + next <= p->bytes);
}

bool batch_policy_full(
    const struct batch_policy *p, const struct batch_policy_fill *f)
{
	return f->rows >= 2 * p->rows || f->bytes >= 2 * p->bytes;
}

bool batch_policy_low(
    const struct batch_policy *p, const struct batch_policy_fill *f)
{
	return f->rows < p->rows && f->bytes < p->bytes;
}

/* A batch of several writes has several clients behind it. If the next one
 * waits, it has the writes of most of them, and the processor has fewer batches
 * to do. The more clients there are, the more they gain by this, and the more
 * of the time of a write is other waiting. So the wait grows with the writes of
 * the last batch, up to batch.gather for a batch of CROWD. tests/bench/http on
 * two cores, medians of two rounds in turns; always 1 ms from 2 writes on, and
 * this with 3 ms:
 *
 *   connections                             8      64     512
 *   waited, writes/s            1 ms     1494    6959   14871
 *                               3 ms     1798    6599   14350
 *   p99 ms                      1 ms     13.4    19.6    78.1
 *                               3 ms      8.6    17.6    64.0
 *   CPU us per waited write     1 ms     1020     239     115
 *                               3 ms      816     210     117
 *
 * Without any wait, 64 connections had 4722 waited writes/s, and 7046 with 1
 * ms.
 */
enum { CROWD = 16 };

dur_us_t batch_policy_gather(dur_us_t most, size_t before)
{
	if (before < 2)
		return 0;
	return before < CROWD ? most * (dur_us_t)before / CROWD : most;
}

size_t batch_policy_reads(const struct batch_policy *p)
{
	size_t bytes = BATCH_POLICY_READS * p->bytes;
	return bytes < BATCH_POLICY_READS_MOST ? bytes
					       : BATCH_POLICY_READS_MOST;
}

void batch_policy_split(struct batch_policy *p, size_t n, size_t fits)
{
	CHECK(n > 1 && fits > 0 && fits <= n);
	p->limit = fits < n ? fits : n / 2;
}

void batch_policy_applied(struct batch_policy *p)
{
	p->limit = p->limit > p->rows / 2 ? p->rows : p->limit * 2;
}
