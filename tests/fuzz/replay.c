/* Gives every target the files of its corpus, one after the other:
 * fuzz_replay corpus/json/… calls fuzz_json. What was found once is found again
 * by ctest, without clang. */
#include "common/base/buf.h"
#include "common/base/check.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

typedef int (*target)(const uint8_t *data, size_t size);

#define TARGET(name) int fuzz_##name(const uint8_t *data, size_t size);
#include "fuzz_targets.h"
#undef TARGET

static const struct {
	const char *name;
	target run;
} targets[] = {
#define TARGET(name) {#name, fuzz_##name},
#include "fuzz_targets.h"
#undef TARGET
};

static target target_of(const char *name)
{
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		if (strcmp(targets[i].name, name) == 0)
			return targets[i].run;
	}
	return NULL;
}

static void run_file(target run, const char *path)
{
	struct buf b = {0};
	char piece[4096];
	size_t n;
	FILE *f = fopen(path, "rb");
	CHECK(f != NULL);
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		buf_add(&b, piece, n);
	fclose(f);
	printf("%s\n", path);
	fflush(stdout);
	run((const uint8_t *)b.data, b.len);
	buf_free(&b);
}

/* How many files there were. */
static size_t run_folder(target run, const char *folder)
{
	struct dirent *e;
	size_t n = 0;
	DIR *d = opendir(folder);
	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL) {
		char path[512];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		run_file(run, path);
		n++;
	}
	closedir(d);
	return n;
}

/* fuzz_replay NAME FOLDER */
int main(int argc, char **argv)
{
	target run = argc == 3 ? target_of(argv[1]) : NULL;
	if (run == NULL) {
		fprintf(stderr, "usage: fuzz_replay TARGET FOLDER\n");
		return 2;
	}
	return run_folder(run, argv[2]) > 0 ? 0 : 1;
}
