/* The writes of a partition that wait for their batch, in log order. */
#pragma once

#include "writer/decide/write.h"

/* Begins as all zeroes. */
struct queue {
	struct write *items;
	size_t head, n, cap;
	size_t bytes; /* sum of the writes' `size` */
};

/* Takes the content of the write. */
void queue_push(struct queue *q, const struct write *w);
/* The i-th write that waits. */
const struct write *queue_at(const struct queue *q, size_t i);
/* The first n (> 0) as an owned array. */
struct write *queue_take(struct queue *q, size_t n);
/* Puts the writes back to the front; takes the array. */
void queue_return(struct queue *q, struct write *writes, size_t n);
/* Clears every write. */
void queue_clear(struct queue *q);
