#include "image/image.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/num.h"
#include "base/scope.h"
#include "image/elfimg.h"
#include "image/gobuildinfo.h"
#include "image/gopclntab.h"
#include "image/gostrings.h"
#include "image/gosym.h"
#include "image/govars.h"
#include "image/site.h"

struct image {
	struct elfimg elf;
	struct gopclntab pcln;
	struct image_info info;
	const struct golayout *layout; /* NULL: none for this version */
	uint64_t var_va[VAR_CNT];      /* 0: not found */
	struct gostrings strings;
};

/* A name for a binary without a GNU build id: FNV-1a over Go's, twice with different seeds. */
static void build_id_hash(const char *go_id, char ret[static 65])
{
	uint64_t a = 0xcbf29ce484222325ULL, b = 0x84222325cbf29ce4ULL;

	for (const char *p = go_id; *p; p++) {
		a = (a ^ (uint8_t)*p) * 0x100000001b3ULL;
		b = (b ^ (uint8_t)*p) * 0x100000001b3ULL;
	}
	if (*go_id)
		snprintf(ret, 65, "%016llx%016llx", (unsigned long long)num_mix(a),
			 (unsigned long long)num_mix(b));
}

static void info_fill(struct image *img, const struct gobuildinfo *bi)
{
	struct image_info *info = &img->info;
	struct image_func f;

	info->arch = img->elf.machine == EM_X86_64 ? IMAGE_AMD64 : IMAGE_ARM64;
	info->version = bi->version;
	info->has_buildinfo = bi->present;
	info->pie = img->elf.dyn;
	info->stripped = !img->elf.has_symtab;
	info->race = bi->race;
	info->pgo = bi->pgo;
	info->library = bi->library;
	/* runtime/cgo's entry from C; CGO_ENABLED=1 alone (the default) says nothing. */
	info->cgo = !image_func_find(img, "crosscall2", &f);
	info->text_va = img->pcln.text_va;
	info->etext_va = img->pcln.etext_va;
	info->func_cnt = img->pcln.func_cnt;
	memcpy(info->build_id, img->elf.gnu_build_id, sizeof(info->build_id));
	memcpy(info->go_build_id, img->elf.go_build_id, sizeof(info->go_build_id));
	if (!info->build_id[0])
		build_id_hash(info->go_build_id, info->build_id);
}

static int fill(struct image *img, int fd, struct diag *d)
{
	const struct golayout *lay;
	struct gobuildinfo bi;
	int err = elfimg_open(&img->elf, fd, d);

	if (err)
		return err;
	err = gobuildinfo_read(&img->elf, &bi, d);
	if (err)
		return err;
	if (bi.version.minor < 19)
		return diag_set(d, -ENOTSUP, "built by %s; Go 1.19 is the oldest supported",
				bi.version.text);
	err = gopclntab_init(&img->pcln, &img->elf, bi.version.minor, d);
	if (err)
		return err;
	info_fill(img, &bi);
	lay = golayout_find(img->info.arch, bi.version.minor, bi.version.patch);
	img->layout = bi.version.unknown_tail ? NULL : lay;
	if (!lay)
		lay = golayout_newest(img->info.arch, bi.version.minor);
	govars_find(&img->pcln, bi.version.minor, lay ? lay->sched_lock : GOLAYOUT_NONE,
		    img->var_va);
	return gostrings_init(&img->strings, &img->pcln, &bi.version, d);
}

int image_open(int fd, const char *name, struct image **ret, struct diag *d)
{
	struct image *img = calloc(1, sizeof(*img));
	int err;

	if (!img)
		return diag_set(d, -ENOMEM, "%s: no memory", name);
	err = fill(img, fd, d);
	if (err) {
		image_free(img);
		return diag_prefix(d, err, "%s", name);
	}
	*ret = img;
	return 0;
}

void image_free(struct image *img)
{
	if (!img)
		return;
	gostrings_done(&img->strings);
	gopclntab_done(&img->pcln);
	elfimg_done(&img->elf);
	free(img);
}

const struct image_info *image_get_info(const struct image *img)
{
	return &img->info;
}

const struct golayout *image_get_layout(const struct image *img)
{
	return img->layout;
}

/* ---- functions ------------------------------------------------------------------------------- */

static void func_fill(const struct image *img, const struct pcln_func *f, struct image_func *ret)
{
	*ret = (struct image_func){
		.entry_va = f->entry_va,
		.end_va = f->end_va,
		.name = gopclntab_name(&img->pcln, f->name_off),
		.func_id = f->func_id,
		.flag = f->flag,
	};
}

int image_func_find(const struct image *img, const char *name, struct image_func *ret)
{
	struct pcln_func f;

	if (gopclntab_func_find(&img->pcln, name, &f))
		return -ENOENT;
	func_fill(img, &f, ret);
	return 0;
}

int image_func_at(const struct image *img, uint64_t va, struct image_func *ret)
{
	struct pcln_func f;

	if (gopclntab_func_at(&img->pcln, va, &f))
		return -ENOENT;
	func_fill(img, &f, ret);
	return 0;
}

size_t image_inlined_into(const struct image *img, const char *func, const char **ret_names,
			  size_t cap)
{
	/* Tables can be shared, but not by everything: a real binary takes a fraction of this. */
	uint64_t budget = 4 * (uint64_t)img->pcln.pctab.left + LIMIT_PCVALUE_STEPS;
	uint32_t name_off;
	size_t n = 0;

	if (gopclntab_name_find(&img->pcln, func, &name_off))
		return 0;
	for (uint32_t i = 0; i < img->info.func_cnt; i++) {
		struct pcln_func f;

		if (gopclntab_func(&img->pcln, i, &f) ||
		    !gosym_inlines(&img->pcln, &f, name_off, &budget))
			continue;
		if (n < cap)
			ret_names[n] = gopclntab_name(&img->pcln, f.name_off);
		n++;
	}
	return n;
}

/* ---- sites ----------------------------------------------------------------------------------- */

int image_site_entry(const struct image *img, const char *func, struct site *ret, struct diag *d)
{
	return site_entry(&img->pcln, func, ret, d);
}

int image_site_calls(const struct image *img, const char *callee, const char *in, bool nop5,
		     struct site_list *l, struct diag *d)
{
	return site_calls(&img->pcln, callee, in, nop5, l, d);
}

int image_site_after_call(const struct image *img, const char *func, const char *callee, bool nop5,
			  struct site *ret, bool *ret_in_rbx, struct diag *d)
{
	return site_after_call(&img->pcln, func, callee, nop5, ret, ret_in_rbx, d);
}

int image_site_last_call(const struct image *img, const char *func, const char *callee,
			 struct site *ret, struct diag *d)
{
	return site_last_call(&img->pcln, func, callee, ret, d);
}

int image_site_schedule_nop(const struct image *img, struct site *ret, struct diag *d)
{
	if (!img->layout)
		return diag_set(d, -ENOENT, "runtime.schedule: no layout for this version");
	return site_schedule_nop(&img->pcln, img->layout->g_lockedm, ret, d);
}

int image_syscall_pcs(const struct image *img, const char *func, struct syscall_pcs *ret,
		      struct diag *d)
{
	return site_syscall(&img->pcln, func, ret, d);
}

/* ---- data ------------------------------------------------------------------------------------ */

int image_var_find(const struct image *img, enum image_var var, uint64_t *ret_va, struct diag *d)
{
	if ((unsigned)var >= VAR_CNT || !img->var_va[var])
		return diag_set(d, -ENOENT, "%s: not found in the code that uses it",
				govars_name(var));
	*ret_va = img->var_va[var];
	return 0;
}

int image_tls_g(const struct image *img, int64_t *ret_off)
{
	return govars_tls_g(&img->pcln, ret_off);
}

int image_table_get(const struct image *img, enum image_table table, const char *const **ret_v,
		    size_t *ret_cnt)
{
	return gostrings_get(&img->strings, table, ret_v, ret_cnt);
}

/* ---- pcs ------------------------------------------------------------------------------------- */

size_t image_symbolize(const struct image *img, uint64_t pc, struct image_frame *ret, size_t cap)
{
	return gosym_frames(&img->pcln, pc, ret, cap);
}

uint64_t image_start_pc(const struct image *img, uint64_t startpc)
{
	return gosym_start_pc(&img->pcln, startpc);
}
