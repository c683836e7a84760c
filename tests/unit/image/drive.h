/*
 * drive.h - asks an image everything its interface can answer; shared by the tests and the fuzzer.
 */
#ifndef TEST_IMAGE_DRIVE_H
#define TEST_IMAGE_DRIVE_H

#include "image/image.h"
#include "image/reasons.h"

enum { DRIVE_PCS = 64 };

static inline void drive_sites(const struct image *img)
{
	static const char *const funcs[] = {"runtime.execute",	    "runtime.park_m",
					    "runtime.entersyscall", "runtime.procresize",
					    "runtime.newproc1",	    "main.main"};
	struct syscall_pcs pcs;
	struct site_list l = {0};
	struct diag d;
	struct site s;
	bool rbx;

	for (size_t i = 0; i < sizeof(funcs) / sizeof(funcs[0]); i++)
		image_site_entry(img, funcs[i], &s, &d);
	image_site_calls(img, "runtime.ready", NULL, true, &l, &d);
	image_site_calls(img, "runtime.casgstatus", "runtime.gcAssistAlloc1", false, &l, &d);
	site_list_done(&l);
	image_site_after_call(img, "runtime.newproc.func1", "runtime.newproc1", true, &s, &rbx, &d);
	image_site_last_call(img, "runtime.gcAssistAlloc1", "runtime.casgstatus", &s, &d);
	image_site_schedule_nop(img, &s, &d);
	image_syscall_pcs(img, "syscall.Syscall6", &pcs, &d);
}

static inline size_t drive_pcs(const struct image *img)
{
	const struct image_info *info = image_get_info(img);
	struct image_frame fr[128];
	struct image_func f;
	size_t len = 0;

	for (unsigned i = 0; i < DRIVE_PCS; i++) {
		uint64_t pc = info->text_va + (info->etext_va - info->text_va) / DRIVE_PCS * i + i;
		size_t n = image_symbolize(img, pc, fr, sizeof(fr) / sizeof(fr[0]));

		for (size_t k = 0; k < n; k++)
			len += strlen(fr[k].func) + strlen(fr[k].file);
		if (!image_func_at(img, pc, &f))
			len += strlen(f.name) + image_start_pc(img, f.entry_va) % 2;
	}
	return len;
}

static inline void drive_image(int fd)
{
	struct image *img = NULL;
	const char *const *texts;
	const char *names[8];
	struct image_func f;
	struct diag d;
	uint64_t va;
	int64_t off;
	size_t cnt;

	if (image_open(fd, "drive", &img, &d))
		return;
	image_get_layout(img);
	for (int v = 0; v <= VAR_CNT; v++)
		image_var_find(img, (enum image_var)v, &va, &d);
	image_tls_g(img, &off);
	for (int t = 0; t <= TABLE_STW_REASONS; t++)
		if (!image_table_get(img, (enum image_table)t, &texts, &cnt))
			for (size_t i = 0; i < cnt; i++)
				reasons_wait_to_block(texts[i]);
	image_func_find(img, "main.main", &f);
	image_inlined_into(img, "runtime.goready", names, 8);
	drive_sites(img);
	drive_pcs(img);
	image_free(img);
}

#endif
