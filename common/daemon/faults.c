#include "common/daemon/faults.h"

#include <stdio.h>
#include <string.h>

void faults_add(struct faults *f, struct err e)
{
	if (e.kind == ERR_KIND_OK)
		return;
	for (size_t i = 0; i < f->n; i++) {
		if (strcmp(f->all[i].msg, e.msg) == 0)
			return;
	}
	if (f->n < FAULTS_MOST)
		f->all[f->n++] = e;
	else
		f->more++;
}

struct err faults_first(const struct faults *f)
{
	return f->n ? f->all[0] : ERR_OK;
}

void faults_print(const struct faults *f, const char *program)
{
	for (size_t i = 0; i < f->n; i++)
		fprintf(stderr, "%s: %s\n", program, f->all[i].msg);
	if (f->more)
		fprintf(stderr, "%s: and %zu more\n", program, f->more);
}
