/* The faults of a configuration: all of them are told at once, and not one for
 * each try. One thread.
 */
#pragma once

#include "common/base/err.h"

#include <stddef.h>

enum { FAULTS_MOST = 20 };

struct faults {
	struct err all[FAULTS_MOST];
	size_t n;    /* of `all` */
	size_t more; /* faults for which there was no room */
};

/* ERR_OK is no fault. A fault that is there already is not added again. */
void faults_add(struct faults *f, struct err e);
/* The first one; ERR_OK: there is none. */
struct err faults_first(const struct faults *f);
/* A line for each on standard error, behind the name of the program. */
void faults_print(const struct faults *f, const char *program);
