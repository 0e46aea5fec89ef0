#include "common/schema/collection.h"

#include "common/base/check.h"
#include "common/base/datadir.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/schema/collections_load.h"
#include "common/schema/declare.h"
#include "common/schema/key_parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXT_MOST = 1 << 20 };

/* The first `n` of them do not change. The thread that adds one stores `n`
 * (release) when it is whole; whoever reads `n` (acquire) sees all of it. */
static struct set {
	struct declaration *declarations[COLLECTIONS_MAX];
	const struct collection *collections[COLLECTIONS_MAX]; /* by index */
	atomic_size_t n;
	/* While the declarations are read; or NULL. */
	collections_tell tell;
	void *arg;
} loaded;

static void clear(struct set *s)
{
	size_t n = atomic_exchange(&s->n, 0);
	for (size_t i = 0; i < n; i++) {
		declaration_free(&s->declarations[i]);
		s->collections[i] = NULL;
	}
}

static size_t count(const struct set *s)
{
	return atomic_load_explicit(&s->n, memory_order_acquire);
}

/* --- reading ------------------------------------------------------------- */

/* Shows only the end of a long path, which says more than its beginning. */
static struct err collection_refuse(
    const char *path, const char *pointer, const char *reason)
{
	enum { SHOWN = 90 };
	size_t len = strlen(path);
	const char *from = len > SHOWN ? path + len - SHOWN : path;
	return err_make(ERR_KIND_FATAL, "collections", "%s%s: %s%s%s",
	    from == path ? "" : "…", from, pointer, *pointer ? ": " : "",
	    reason);
}

static struct err collection_told(const struct set *s, struct err e)
{
	if (s->tell)
		s->tell(s->arg, e);
	return e;
}

static struct err collection_first_of(struct err a, struct err b)
{
	return a.kind != ERR_KIND_OK ? a : b;
}

/* Behind an error, more are looked for only if somebody wants to know. */
static bool goes_on(const struct set *s, const struct err *e)
{
	return e->kind == ERR_KIND_OK || s->tell;
}

static struct err collection_read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "re");
	char block[4096];
	size_t n;
	if (f == NULL)
		return collection_refuse(path, "", strerror(errno));
	while (out->len <= TEXT_MOST && (n = fread(block, 1, sizeof block, f)))
		buf_add(out, block, n);
	bool failed = ferror(f) != 0;
	fclose(f);
	if (failed)
		return collection_refuse(path, "", "cannot be read");
	if (out->len > TEXT_MOST)
		return collection_refuse(path, "", "is larger than a megabyte");
	return ERR_OK;
}

static struct err collection_add_text(
    struct set *s, const char *path, const char *stem, const struct buf *text)
{
	struct declare_faults faults;
	if (s->n == COLLECTIONS_MAX)
		return collection_told(
		    s, collection_refuse(path, "", "too many collections"));
	struct declaration *d =
	    declare_all(text->data ? text->data : "", text->len, stem, &faults);
	for (size_t i = 0; d == NULL && i < faults.n; i++)
		collection_told(
		    s, collection_refuse(
			   path, faults.all[i].pointer, faults.all[i].reason));
	if (d == NULL)
		return collection_refuse(
		    path, faults.all[0].pointer, faults.all[0].reason);
	s->declarations[s->n++] = d;
	const struct collection *c = declaration_collection(d);
	for (size_t i = 0; i + 1 < s->n; i++) {
		struct declaration *other = s->declarations[i];
		if (strcmp(declaration_collection(other)->name, c->name) == 0)
			return collection_told(
			    s, collection_refuse(path, "",
				   "another file declares it already"));
	}
	return ERR_OK;
}

static struct err add_file(struct set *s, const char *path)
{
	struct buf text = {0};
	struct err e = collection_read_file(path, &text);
	const char *slash = strrchr(path, '/');
	char *stem = mem_strdup(slash ? slash + 1 : path);
	char *dot = strrchr(stem, '.');
	if (dot && strcmp(dot, ".json") == 0)
		*dot = '\0';
	if (e.kind == ERR_KIND_OK)
		e = collection_add_text(s, path, stem, &text);
	else
		collection_told(s, e);
	free(stem);
	buf_free(&text);
	return e;
}

static int is_declaration(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);
	return len > 5 && entry->d_name[0] != '.' &&
	       strcmp(entry->d_name + len - 5, ".json") == 0;
}

static struct err add_folder(struct set *s, const char *path)
{
	struct dirent **entries;
	struct err e = ERR_OK;
	int n = scandir(path, &entries, is_declaration, alphasort);
	if (n < 0)
		return collection_told(
		    s, collection_refuse(path, "", strerror(errno)));
	for (int i = 0; i < n; i++) {
		struct buf file = {0};
		buf_printf(&file, "%s/%s", path, entries[i]->d_name);
		if (goes_on(s, &e))
			e = collection_first_of(e, add_file(s, file.data));
		buf_free(&file);
		free(entries[i]);
	}
	free(entries);
	return e;
}

static struct err add_path(struct set *s, const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return collection_told(
		    s, collection_refuse(path, "", strerror(errno)));
	return S_ISDIR(st.st_mode) ? add_folder(s, path) : add_file(s, path);
}

static struct err add_paths(struct set *s, const char *paths)
{
	struct buf path = {0};
	struct err e = ERR_OK;
	if (*paths == '\0') {
		datadir_folder(&path, "collections");
		e = add_path(s, path.data);
	}
	while (*paths && goes_on(s, &e)) {
		size_t len = strcspn(paths, ":");
		buf_clear(&path);
		buf_add(&path, paths, len);
		if (len)
			e = collection_first_of(e, add_path(s, path.data));
		paths += len + (paths[len] == ':');
	}
	buf_free(&path);
	if (e.kind == ERR_KIND_OK && s->n == 0)
		e = collection_told(
		    s, err_make(ERR_KIND_FATAL, "collections",
			   "collections.dir: no declarations (*.json)"));
	return e;
}

static int collection_by_name(const void *a, const void *b)
{
	struct declaration *const *x = a, *const *y = b;
	return strcmp(
	    declaration_collection(*x)->name, declaration_collection(*y)->name);
}

/* --- the whole set ------------------------------------------------------- */

static const struct collection *set_find(const struct set *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct collection *c =
		    declaration_collection(s->declarations[i]);
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

static struct err set_check_own_references(
    const struct set *s, const struct collection *c)
{
	struct err e = ERR_OK;
	for (size_t k = 0; k < c->nreferences && goes_on(s, &e); k++) {
		const struct reference *r = &c->references[k];
		struct err one =
		    declare_check_reference(c, r, set_find(s, r->collection));
		if (one.kind != ERR_KIND_OK)
			collection_told(s, one);
		e = collection_first_of(e, one);
	}
	return e;
}

static struct err set_check_references(const struct set *s)
{
	struct err e = ERR_OK;
	for (size_t i = 0; i < s->n && goes_on(s, &e); i++)
		e = collection_first_of(
		    e, set_check_own_references(
			   s, declaration_collection(s->declarations[i])));
	return e;
}

static struct err set_read(struct set *s, const char *paths)
{
	struct err e = add_paths(s, paths);
	if (e.kind == ERR_KIND_OK)
		e = set_check_references(s);
	if (e.kind != ERR_KIND_OK) {
		clear(s);
		return e;
	}
	qsort(
	    s->declarations, s->n, sizeof *s->declarations, collection_by_name);
	for (size_t i = 0; i < s->n; i++) {
		struct collection *c =
		    declaration_collection(s->declarations[i]);
		c->index = i;
		s->collections[i] = c;
	}
	return ERR_OK;
}

static void append(struct set *to, struct declaration **d)
{
	struct collection *c = declaration_collection(*d);
	size_t n = atomic_load_explicit(&to->n, memory_order_relaxed);
	c->index = n;
	to->declarations[n] = *d;
	to->collections[n] = c;
	atomic_store_explicit(&to->n, n + 1, memory_order_release);
	*d = NULL;
}

struct err collections_load_all(
    const char *paths, collections_tell tell, void *arg)
{
	struct set s = {.tell = tell, .arg = arg};
	struct err e = set_read(&s, paths);
	if (e.kind != ERR_KIND_OK)
		return e;
	clear(&loaded);
	for (size_t i = 0; i < s.n; i++)
		append(&loaded, &s.declarations[i]);
	return ERR_OK;
}

struct err collections_load(const char *paths)
{
	return collections_load_all(paths, NULL, NULL);
}

/* --- once more ----------------------------------------------------------- */

struct collections_diff {
	/* The i-th of `loaded` is as `change[i]` says. */
	enum collection_change change[COLLECTIONS_MAX];
	struct set added;
};

static bool same_text(const struct collection *a, const struct collection *b)
{
	return a->text.len == b->text.len &&
	       memcmp(a->text.s, b->text.s, a->text.len) == 0;
}

static enum collection_change change_of(
    const struct collection *c, const struct collection *file)
{
	if (file == NULL)
		return COLLECTION_GONE;
	if (same_text(c, file))
		return COLLECTION_SAME;
	return c->shape == file->shape ? COLLECTION_CHANGED
				       : COLLECTION_RESHAPED;
}

/* A new collection may refer to one in use. Then the declaration in use counts,
 * and not its file. */
static struct err check_added(const struct set *added)
{
	struct set all = {0};
	struct err e = ERR_OK;
	size_t n = count(&loaded);
	if (n + added->n > COLLECTIONS_MAX)
		return err_make(ERR_KIND_FATAL, "collections",
		    "there would be more than %d collections", COLLECTIONS_MAX);
	memcpy(all.declarations, loaded.declarations,
	    n * sizeof *all.declarations);
	memcpy(&all.declarations[n], added->declarations,
	    added->n * sizeof *all.declarations);
	all.n = n + added->n;
	for (size_t i = 0; i < added->n && e.kind == ERR_KIND_OK; i++)
		e = set_check_own_references(
		    &all, declaration_collection(added->declarations[i]));
	return e;
}

struct err collections_compare(const char *paths, struct collections_diff **out)
{
	struct set now = {0};
	*out = NULL;
	struct err e = set_read(&now, paths);
	if (e.kind != ERR_KIND_OK)
		return e;
	struct collections_diff *diff = MEM_NEW(struct collections_diff);
	for (size_t i = 0; i < count(&loaded); i++) {
		const struct collection *c = loaded.collections[i];
		diff->change[i] = change_of(c, set_find(&now, c->name));
	}
	for (size_t i = 0; i < now.n; i++) {
		if (set_find(&loaded, now.collections[i]->name) == NULL)
			append(&diff->added, &now.declarations[i]);
		else
			declaration_free(&now.declarations[i]);
	}
	for (size_t i = 0; i < diff->added.n; i++)
		declaration_collection(diff->added.declarations[i])->index =
		    count(&loaded) + i;
	e = check_added(&diff->added);
	if (e.kind != ERR_KIND_OK)
		collections_diff_free(&diff);
	*out = diff;
	return e;
}

const struct collection *collections_diff_at(
    const struct collections_diff *n, size_t i)
{
	size_t used = count(&loaded);
	if (i < used)
		return loaded.collections[i];
	return i - used < n->added.n ? n->added.collections[i - used] : NULL;
}

size_t collections_diff_count(const struct collections_diff *n)
{
	return n->added.n;
}

enum collection_change collections_diff_change(
    const struct collections_diff *n, size_t i)
{
	return n->change[i];
}

void collections_add(struct collections_diff *n)
{
	size_t all = n->added.n;
	n->added.n = 0;
	for (size_t i = 0; i < all; i++)
		append(&loaded, &n->added.declarations[i]);
}

void collections_diff_free(struct collections_diff **np)
{
	if (*np)
		clear(&(*np)->added);
	free(*np);
	*np = NULL;
}

void collections_unload(void)
{
	clear(&loaded);
}

/* --- questions ----------------------------------------------------------- */

const struct collection *collection_find(const char *name, size_t len)
{
	size_t n = count(&loaded);
	for (size_t i = 0; i < n; i++) {
		const struct collection *c = loaded.collections[i];
		if (strlen(c->name) == len && memcmp(c->name, name, len) == 0)
			return c;
	}
	return NULL;
}

const struct collection *collection_at(size_t i)
{
	return i < count(&loaded) ? loaded.collections[i] : NULL;
}

size_t collection_field(const struct collection *c, struct jsonslice name)
{
	size_t i = 0;
	while (i < c->nfields && !jsonslice_equals(name, c->fields[i].name,
				     strlen(c->fields[i].name)))
		i++;
	return i;
}

/* --- keys ---------------------------------------------------------------- */

const char *key_type_name(enum key_type t)
{
	static const char *const names[] = {
	    [KEY_STRING] = "string",
	    [KEY_INTEGER] = "integer",
	    [KEY_UUIDV7] = "uuidv7",
	    [KEY_PARTS] = "parts",
	};
	return names[t];
}

enum column_type key_column(const struct collection *c)
{
	switch (c->key) {
	case KEY_STRING:
	case KEY_PARTS:
		return COLUMN_TEXT;
	case KEY_INTEGER:
		return field_column(FIELD_INTEGER, c->key_format);
	case KEY_UUIDV7:
		return COLUMN_UUID;
	}
	UNREACHABLE("key type");
}

bool collection_is_integer(enum format format, const char *key, size_t len)
{
	char text[24], again[24];
	if (len == 0 || len >= sizeof text || memchr(key, '\0', len))
		return false;
	memcpy(text, key, len);
	text[len] = '\0';
	errno = 0;
	long long v = strtoll(text, NULL, 10);
	snprintf(again, sizeof again, "%lld", v);
	return errno == 0 && strcmp(text, again) == 0 &&
	       field_integer_fits(format, v);
}

bool collection_is_uuid(const char *key, size_t len)
{
	uint8_t bytes[16];
	for (size_t i = 0; i < len; i++) {
		if (key[i] >= 'A' && key[i] <= 'F')
			return false;
	}
	return format_uuid(key, len, bytes);
}

bool collection_key_valid(
    const struct collection *c, const char *key, size_t len)
{
	switch (c->key) {
	case KEY_STRING:
		return len > 0 && len <= COLLECTION_KEY_MAX &&
		       !(c->group && key[0] == ':') &&
		       memchr(key, '\0', len) == NULL && utf8_valid(key, len);
	case KEY_INTEGER:
		return collection_is_integer(c->key_format, key, len);
	case KEY_UUIDV7:
		return collection_is_uuid(key, len);
	case KEY_PARTS:
		return key_parts_valid(c, key, len);
	}
	UNREACHABLE("key type");
}
