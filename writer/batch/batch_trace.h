/* The spans of a batch that is committed, and of its writes that are traced. */
#pragma once

struct batch;

/* The plan has its results; the batch has its slices. */
void batch_trace(const struct batch *b);
